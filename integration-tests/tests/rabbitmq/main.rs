//! RabbitMQ: the shared scenarios, and what only lapin has.

mod confirms;
mod consuming;
mod deaths;
mod ending;
mod exchanges;
mod faults;
mod limits;
mod names;
mod onward;
mod publishing;
mod redelivery;
mod relay;
mod settlement;
mod settling;
mod transactions;

use integration_tests::rabbitmq::RabbitMq;
use lapin::options::BasicPublishOptions;

integration_tests::scenarios!(RabbitMq, needs brokers);
integration_tests::sending_on!(RabbitMq, needs brokers);
integration_tests::sending_batches!(RabbitMq, needs brokers);
integration_tests::counts!(RabbitMq);

const PLAIN: BasicPublishOptions = BasicPublishOptions {
    mandatory: false,
    immediate: false,
};
