//! JetStream: the scenarios on a real broker, and what only this client has.

mod publishing;

use integration_tests::nats::JetStream;

integration_tests::scenarios!(JetStream, needs brokers);
integration_tests::sending_on!(JetStream, needs brokers);
integration_tests::counts!(JetStream);
