//! The scenarios over a `BaseProducer`.

use integration_tests::kafka::BaseKafka;

integration_tests::scenarios!(BaseKafka, needs brokers);
integration_tests::sending_on!(BaseKafka, needs brokers);
integration_tests::sending_batches!(BaseKafka, needs brokers);
