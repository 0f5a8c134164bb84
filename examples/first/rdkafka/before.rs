//! Sends an order through Kafka to itself. `before.rs` and `after.rs` are one program, without and
//! with its one trace; `diff` of the two shows what that takes.
//!
//! `KAFKA_BROKERS` says where Kafka is; the argument is the topic.

#[path = "../telemetry.rs"]
mod telemetry;

use opentelemetry::trace::FutureExt;
use rdkafka::consumer::{Consumer, StreamConsumer};
use rdkafka::message::BorrowedMessage;
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::{ClientConfig, Message};
use std::time::Duration;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let provider = telemetry::start();
    let brokers = std::env::var("KAFKA_BROKERS").unwrap_or_else(|_| "127.0.0.1:9092".into());
    let topic = std::env::args().nth(1).unwrap_or_else(|| "hello".into());
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers);
    let producer: FutureProducer = config.create()?;
    let consumer: StreamConsumer = config
        .set("group.id", &topic)
        .set("auto.offset.reset", "earliest")
        .create()?;

    let order = async {
        let record = FutureRecord::to(&topic).key("7").payload("order 7");
        producer.send(record, Duration::from_secs(5)).await
    };
    let sent = order.with_context(telemetry::span("place order")).await;
    sent.map_err(|(error, _record)| error)?;

    consumer.subscribe(&[&topic])?;
    let message = consumer.recv().await?;
    handle(&message).await;
    provider.shutdown()?;
    Ok(())
}

async fn handle(message: &BorrowedMessage<'_>) {
    let _invoice = telemetry::span("write invoice");
    let order = message.payload().unwrap_or_default();
    println!("an invoice for {}", String::from_utf8_lossy(order));
}
