//! JetStream: the scenarios on a real broker, and what only this client has.

mod consumers;
mod generic;
mod key_value;
mod limits;
mod object_store;
mod onward;
mod publishing;
mod redelivery;
mod relay;
mod settlement;
mod settling;
mod stored;

use integration_tests::nats::JetStream;

integration_tests::scenarios!(JetStream, needs brokers);
integration_tests::sending_on!(JetStream, needs brokers);
integration_tests::sending_batches!(JetStream, needs brokers);
integration_tests::counts!(JetStream);
