//! Handles orders from Kafka, each in the trace of its sender: `cargo run --bin rdkafka-consumer`,
//! beside `cargo run --bin rdkafka-producer`. Ctrl-C stops it, after the order in hand. What cannot be
//! handled goes to the topic `rejected`.
//!
//! `KAFKA_BROKERS` says where Kafka is, `127.0.0.1:9092` if it is not set.

use anyhow::anyhow;
use futures_util::StreamExt;
use opentelemetry::global;
use opentelemetry::trace::Tracer;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use otel_messaging_rdkafka::{
    InjectingProducer, propagation, self_check, try_with_message_context,
};
use rdkafka::consumer::{CommitMode, Consumer, StreamConsumer};
use rdkafka::error::KafkaError;
use rdkafka::message::BorrowedMessage;
use rdkafka::producer::FutureProducer;
use rdkafka::{ClientConfig, Message};
use std::pin::pin;
use std::time::Duration;
use tokio::signal::ctrl_c;

type Producer = InjectingProducer<FutureProducer>;

#[tokio::main]
async fn main() -> std::process::ExitCode {
    if std::env::args().len() > 1 {
        eprintln!("usage: rdkafka-consumer, without arguments; KAFKA_BROKERS says where Kafka is");
        return std::process::ExitCode::from(2);
    }
    let tracers = SdkTracerProvider::builder()
        .with_simple_exporter(opentelemetry_stdout::SpanExporter::default())
        .build();
    global::set_tracer_provider(tracers.clone());
    let meters = SdkMeterProvider::builder()
        .with_periodic_exporter(opentelemetry_stdout::MetricExporter::default())
        .build();
    global::set_meter_provider(meters.clone());
    // For HTTP clients too; messages carry W3C's fields anyway.
    global::set_text_map_propagator(propagation::w3c());
    for finding in self_check() {
        eprintln!("rdkafka-consumer: {finding}");
    }

    let outcome = consume().await;
    // Last: the spans and metrics of what was handled until now are exported.
    let _ = tracers.shutdown();
    let _ = meters.shutdown();
    match outcome {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("rdkafka-consumer: {error}");
            std::process::ExitCode::FAILURE
        }
    }
}

async fn consume() -> anyhow::Result<()> {
    let brokers = std::env::var("KAFKA_BROKERS").unwrap_or_else(|_| "127.0.0.1:9092".to_owned());
    let consumer: StreamConsumer = ClientConfig::new()
        .set("bootstrap.servers", &brokers)
        .set("group.id", "billing")
        .set("auto.offset.reset", "earliest")
        .set("enable.auto.commit", "false")
        // The producer may not have run yet.
        .set("allow.auto.create.topics", "true")
        .set("topic.metadata.refresh.interval.ms", "1000")
        .create()?;
    // A consumer that reaches nobody waits for ever; this does not.
    consumer
        .fetch_metadata(None, Duration::from_secs(5))
        .map_err(|error| anyhow!("Kafka at {brokers}: {error}"))?;
    consumer.subscribe(&["orders"])?;
    let producer: FutureProducer = ClientConfig::new()
        .set("bootstrap.servers", &brokers)
        .create()?;
    let producer = InjectingProducer::new(producer);

    let mut messages = pin!(consumer.stream().take_until(ctrl_c()));
    while let Some(message) = messages.next().await {
        let message = match message {
            // librdkafka goes on by itself, as when the topic is there a moment later.
            Err(error) if !matches!(error, KafkaError::MessageConsumptionFatal(_)) => {
                eprintln!("rdkafka-consumer: {error}");
                continue;
            }
            message => message?,
        };
        try_with_message_context(&message, handle) // <- the one line
            .on_error(|error| put_aside(&producer, &message, error))
            .await?;
        // Handled or put aside.
        consumer.commit_message(&message, CommitMode::Sync)?;
    }
    Ok(())
}

async fn handle(message: &BorrowedMessage<'_>) -> anyhow::Result<()> {
    let order = str::from_utf8(message.payload().unwrap_or_default())?;
    global::tracer("billing").in_span("write invoice", |_| println!("invoice for {order}"));
    Ok(())
}

/// Still in the order's span, whose status has the error's text. The letter's span is a child of it.
async fn put_aside(
    producer: &Producer,
    message: &BorrowedMessage<'_>,
    error: anyhow::Error,
) -> Result<(), KafkaError> {
    eprintln!("rdkafka-consumer: no invoice: {error}");
    let letter = producer.dead_letter(message, &error, "rejected", Duration::from_secs(5));
    letter.await.map_err(|(error, _message)| error)?;
    Ok(())
}
