//! The scenarios over a `ThreadedProducer`.

use integration_tests::kafka::ThreadedKafka;

integration_tests::scenarios!(ThreadedKafka, needs brokers);
integration_tests::sending_on!(ThreadedKafka, needs brokers);
integration_tests::sending_batches!(ThreadedKafka, needs brokers);
