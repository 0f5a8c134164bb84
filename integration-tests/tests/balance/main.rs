//! Counters and spans say the same, over ten thousand messages on each broker.

mod brokers;
mod ledger;
mod messages;

use brokers::RabbitMq;
use integration_tests::kafka::Kafka;
use integration_tests::nats::JetStream;
use integration_tests::{apply, broker_test};
use messages::ten_thousand_messages_balance;

#[apply(broker_test)]
async fn rabbitmq_balances() {
    ten_thousand_messages_balance::<RabbitMq>().await;
}

#[apply(broker_test)]
async fn kafka_balances() {
    ten_thousand_messages_balance::<Kafka>().await;
}

#[apply(broker_test)]
async fn jetstream_balances() {
    ten_thousand_messages_balance::<JetStream>().await;
}
