//! Core NATS: the scenarios on a real broker, and what only this client has.

mod accounts;
mod contradictions;
mod envelope;
mod generic;
mod go;
mod onward;
mod publishing;
mod requests;
mod service;
mod sink;
mod spelling;
mod subscriptions;

use integration_tests::nats::Nats;

integration_tests::scenarios!(Nats, needs brokers);
integration_tests::sending_on!(Nats, needs brokers);
integration_tests::sending_batches!(Nats, needs brokers);
integration_tests::counts!(Nats);
