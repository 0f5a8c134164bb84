//! The two lines of the README, with the application's global provider, on every client.

use integration_tests::client::Client;
use integration_tests::kafka::{EmbeddedKafka, Kafka};
use integration_tests::nats::{JetStream, Nats};
use integration_tests::rabbitmq::RabbitMq;
use integration_tests::scenarios::the_two_lines_are_enough;
use integration_tests::spans::Spans;
use integration_tests::{apply, broker_test, two_worker_test};
use std::sync::LazyLock;

/// One for the whole process, set before any client is there.
static GLOBAL: LazyLock<Spans> = LazyLock::new(Spans::global);

async fn run<C: Client>() {
    the_two_lines_are_enough::<C>(&GLOBAL).await;
}

#[apply(two_worker_test)]
async fn embedded_kafka() {
    run::<EmbeddedKafka>().await;
}

#[apply(broker_test)]
async fn kafka() {
    run::<Kafka>().await;
}

#[apply(broker_test)]
async fn rabbitmq() {
    run::<RabbitMq>().await;
}

#[apply(broker_test)]
async fn nats() {
    run::<Nats>().await;
}

#[apply(broker_test)]
async fn jetstream() {
    run::<JetStream>().await;
}
