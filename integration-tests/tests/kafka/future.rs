//! The scenarios over a `FutureProducer`.

use integration_tests::kafka::Kafka;

integration_tests::scenarios!(Kafka, needs brokers);
integration_tests::sending_on!(Kafka, needs brokers);
integration_tests::sending_batches!(Kafka, needs brokers);
integration_tests::counts!(Kafka);
