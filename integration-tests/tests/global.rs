//! The two lines of the README, with the application's global provider, on every client.

use integration_tests::client::Client;
use integration_tests::kafka::{EmbeddedKafka, Kafka};
use integration_tests::nats::{JetStream, Nats};
use integration_tests::rabbitmq::RabbitMq;
use integration_tests::scenarios::the_two_lines_are_enough;
use integration_tests::spans::Spans;
use std::sync::LazyLock;

/// One for the whole process, set before any client is there.
static GLOBAL: LazyLock<Spans> = LazyLock::new(Spans::global);

async fn run<C: Client>() {
    the_two_lines_are_enough::<C>(&GLOBAL).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn embedded_kafka() {
    run::<EmbeddedKafka>().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(
    not(feature = "brokers"),
    ignore = "needs brokers: integration-tests/run"
)]
async fn kafka() {
    run::<Kafka>().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(
    not(feature = "brokers"),
    ignore = "needs brokers: integration-tests/run"
)]
async fn rabbitmq() {
    run::<RabbitMq>().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(
    not(feature = "brokers"),
    ignore = "needs brokers: integration-tests/run"
)]
async fn nats() {
    run::<Nats>().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(
    not(feature = "brokers"),
    ignore = "needs brokers: integration-tests/run"
)]
async fn jetstream() {
    run::<JetStream>().await;
}
