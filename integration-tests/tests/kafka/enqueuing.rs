//! The scenarios over a `ThreadedProducer` without our context.

use integration_tests::kafka::EnqueuingKafka;

integration_tests::scenarios!(EnqueuingKafka, needs brokers);
integration_tests::sending_on!(EnqueuingKafka, needs brokers);
integration_tests::sending_batches!(EnqueuingKafka, needs brokers);
