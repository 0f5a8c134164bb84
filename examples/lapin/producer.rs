//! Publishes three orders to RabbitMQ, each with the context of its span in the headers:
//! `cargo run --bin lapin-producer`, beside `cargo run --bin lapin-consumer`.
//!
//! `AMQP_URL` says where RabbitMQ is, `amqp://127.0.0.1:5672/%2f` if it is not set.

use anyhow::anyhow;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};
use opentelemetry::trace::{FutureExt, TraceContextExt, Tracer};
use opentelemetry::{Context, global};
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use otel_messaging_lapin::{InjectingProducer, propagation, self_check};
use std::time::Duration;
use tokio::time::timeout;

#[tokio::main]
async fn main() -> std::process::ExitCode {
    if std::env::args().len() > 1 {
        eprintln!("usage: lapin-producer, without arguments; AMQP_URL says where RabbitMQ is");
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
        eprintln!("lapin-producer: {finding}");
    }

    let outcome = produce().await;
    // Last: the spans and metrics of what was published until now are exported.
    let _ = tracers.shutdown();
    let _ = meters.shutdown();
    match outcome {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("lapin-producer: {error}");
            // Not by way of the runtime's end: where lapin is still connecting, its thread would
            // panic.
            std::process::exit(1)
        }
    }
}

async fn produce() -> anyhow::Result<()> {
    let url = std::env::var("AMQP_URL").unwrap_or_else(|_| "amqp://127.0.0.1:5672/%2f".to_owned());
    // The part before the `@` may be a password.
    let shown = url.rsplit('@').next().unwrap_or_default();
    let connecting = Connection::connect(&url, ConnectionProperties::default());
    let connection = timeout(Duration::from_secs(8), connecting)
        .await
        .map_err(|_| anyhow!("no answer from RabbitMQ at {shown}"))?
        .map_err(|error| anyhow!("RabbitMQ at {shown}: {error}"))?;
    let channel = connection.create_channel().await?;
    channel
        .confirm_select(ConfirmSelectOptions::default())
        .await?;
    let options = QueueDeclareOptions::durable();
    channel
        .queue_declare("orders".into(), options, FieldTable::default())
        .await?;

    let channel = InjectingProducer::new(channel); // <- the one line

    for number in 1..=3 {
        let span = global::tracer("shop").start("place order");
        let context = Context::current_with_span(span);
        place_order(&channel, number).with_context(context).await?;
    }
    connection.close(200, "done".into()).await?;
    Ok(())
}

async fn place_order(channel: &InjectingProducer<Channel>, number: u32) -> anyhow::Result<()> {
    let order = format!("order {number}");
    let options = BasicPublishOptions::default();
    let properties = BasicProperties::default();
    let confirm = channel
        .basic_publish(
            "".into(),
            "orders".into(),
            options,
            order.as_bytes(),
            properties,
        )
        .await?;
    confirm.await?;
    Ok(())
}
