//! The scenarios on a real broker.

use integration_tests::kafka::Kafka;

integration_tests::scenarios!(Kafka, needs brokers);
integration_tests::counts!(Kafka);
