//! Sends three orders to Kafka, each with the context of its span in the headers:
//! `cargo run --bin rdkafka-producer`, beside `cargo run --bin rdkafka-consumer`.
//!
//! `KAFKA_BROKERS` says where Kafka is, `127.0.0.1:9092` if it is not set.

use anyhow::anyhow;
use opentelemetry::trace::{FutureExt, TraceContextExt, Tracer};
use opentelemetry::{Context, global};
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use otel_messaging_rdkafka::{InjectingProducer, propagation, self_check};
use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;
use rdkafka::producer::{FutureProducer, FutureRecord, Producer};
use std::time::Duration;

#[tokio::main]
async fn main() -> std::process::ExitCode {
    if std::env::args().len() > 1 {
        eprintln!("usage: rdkafka-producer, without arguments; KAFKA_BROKERS says where Kafka is");
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
        eprintln!("rdkafka-producer: {finding}");
    }

    let outcome = produce().await;
    // Last: the spans and metrics of what was sent until now are exported.
    let _ = tracers.shutdown();
    let _ = meters.shutdown();
    match outcome {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("rdkafka-producer: {error}");
            std::process::ExitCode::FAILURE
        }
    }
}

async fn produce() -> anyhow::Result<()> {
    let brokers = std::env::var("KAFKA_BROKERS").unwrap_or_else(|_| "127.0.0.1:9092".to_owned());
    let producer: FutureProducer = ClientConfig::new()
        .set("bootstrap.servers", &brokers)
        // librdkafka would try for five minutes.
        .set("message.timeout.ms", "5000")
        .create()?;

    let producer = InjectingProducer::new(producer); // <- the one line

    for number in 1..=3 {
        let span = global::tracer("shop").start("place order");
        let context = Context::current_with_span(span);
        let placing = place_order(&producer, number).with_context(context);
        placing
            .await
            .map_err(|error| anyhow!("Kafka at {brokers}: {error}"))?;
    }
    producer.flush(Duration::from_secs(5))?;
    Ok(())
}

async fn place_order(
    producer: &InjectingProducer<FutureProducer>,
    number: u32,
) -> Result<(), KafkaError> {
    let (key, order) = (number.to_string(), format!("order {number}"));
    let record = FutureRecord::to("orders").key(&key).payload(&order);
    let sent = producer.send(record, Duration::from_secs(5)).await;
    sent.map_err(|(error, _record)| error)?;
    Ok(())
}
