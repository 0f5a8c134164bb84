//! The scenarios on a real broker.

use integration_tests::nats::JetStream;

integration_tests::scenarios!(JetStream, needs brokers);
