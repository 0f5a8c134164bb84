//! Handles orders from RabbitMQ, each in the trace of its sender: `cargo run --bin lapin-consumer`,
//! beside `cargo run --bin lapin-producer`. Ctrl-C stops it, after the order in hand.
//!
//! `AMQP_URL` says where RabbitMQ is, `amqp://127.0.0.1:5672/%2f` if it is not set.

use anyhow::anyhow;
use futures_util::StreamExt;
use lapin::message::Delivery;
use lapin::options::{BasicConsumeOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{Connection, ConnectionProperties};
use opentelemetry::global;
use opentelemetry::trace::Tracer;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use otel_messaging_lapin::{Settlement, propagation, self_check, with_settlement};
use std::pin::pin;
use std::str::Utf8Error;
use std::time::Duration;
use tokio::signal::ctrl_c;
use tokio::time::timeout;

#[tokio::main]
async fn main() -> std::process::ExitCode {
    if std::env::args().len() > 1 {
        eprintln!("usage: lapin-consumer, without arguments; AMQP_URL says where RabbitMQ is");
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
        eprintln!("lapin-consumer: {finding}");
    }

    let outcome = consume().await;
    // Last: the spans and metrics of what was handled until now are exported.
    let _ = tracers.shutdown();
    let _ = meters.shutdown();
    match outcome {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("lapin-consumer: {error}");
            // Not by way of the runtime's end: where lapin is still connecting, its thread would
            // panic.
            std::process::exit(1)
        }
    }
}

async fn consume() -> anyhow::Result<()> {
    let url = std::env::var("AMQP_URL").unwrap_or_else(|_| "amqp://127.0.0.1:5672/%2f".to_owned());
    // The part before the `@` may be a password.
    let shown = url.rsplit('@').next().unwrap_or_default();
    let connecting = Connection::connect(&url, ConnectionProperties::default());
    let connection = timeout(Duration::from_secs(8), connecting)
        .await
        .map_err(|_| anyhow!("no answer from RabbitMQ at {shown}"))?
        .map_err(|error| anyhow!("RabbitMQ at {shown}: {error}"))?;
    let channel = connection.create_channel().await?;
    let (queue, arguments) = ("orders", FieldTable::default());
    channel
        .queue_declare(queue.into(), QueueDeclareOptions::durable(), arguments)
        .await?;
    let (options, arguments) = (BasicConsumeOptions::default(), FieldTable::default());
    let deliveries = channel
        .basic_consume(queue.into(), "billing".into(), options, arguments)
        .await?;

    let mut deliveries = pin!(deliveries.take_until(ctrl_c()));
    while let Some(delivery) = deliveries.next().await {
        let delivery = delivery?;
        let settled = with_settlement(&delivery, handle).or(Settlement::Reject); // <- the one line
        if let Err(error) = settled.await? {
            eprintln!("lapin-consumer: no invoice: {error}");
        }
    }
    // What was delivered and not acknowledged goes back to the queue.
    connection.close(200, "done".into()).await?;
    Ok(())
}

async fn handle(delivery: &Delivery) -> Result<(), Utf8Error> {
    let order = str::from_utf8(&delivery.data)?;
    global::tracer("billing").in_span("write invoice", |_| println!("invoice for {order}"));
    Ok(())
}
