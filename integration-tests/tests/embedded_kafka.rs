//! The scenarios on the Kafka cluster that is embedded in librdkafka: no broker is needed.

use integration_tests::kafka::EmbeddedKafka;

integration_tests::scenarios!(EmbeddedKafka, needs nothing);
