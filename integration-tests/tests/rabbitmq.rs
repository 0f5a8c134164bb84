//! The scenarios on a real broker.

use integration_tests::rabbitmq::RabbitMq;

integration_tests::scenarios!(RabbitMq, needs brokers);
