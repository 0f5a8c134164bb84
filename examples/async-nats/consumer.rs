//! Handles orders from core NATS, each in the trace of its sender:
//! `cargo run --bin async-nats-consumer`, and then `cargo run --bin async-nats-producer`. Ctrl-C
//! stops it, after the orders that have already arrived.
//!
//! `NATS_URL` says where NATS is, `nats://127.0.0.1:4222` if it is not set.

use anyhow::anyhow;
use async_nats::Message;
use futures_util::StreamExt;
use opentelemetry::global;
use opentelemetry::trace::Tracer;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use otel_messaging_async_nats::{propagation, self_check, with_message_context};
use tokio::signal::ctrl_c;

#[tokio::main]
async fn main() -> std::process::ExitCode {
    if std::env::args().len() > 1 {
        eprintln!("usage: async-nats-consumer, without arguments; NATS_URL says where NATS is");
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
        eprintln!("async-nats-consumer: {finding}");
    }

    let outcome = consume().await;
    // Last: the spans and metrics of what was handled until now are exported.
    let _ = tracers.shutdown();
    let _ = meters.shutdown();
    match outcome {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("async-nats-consumer: {error}");
            std::process::ExitCode::FAILURE
        }
    }
}

async fn consume() -> anyhow::Result<()> {
    let url = std::env::var("NATS_URL").unwrap_or_else(|_| "nats://127.0.0.1:4222".to_owned());
    // The part before the `@` may be a password.
    let shown = url.rsplit('@').next().unwrap_or_default();
    let client = async_nats::connect(&url)
        .await
        .map_err(|error| anyhow!("NATS at {shown}: {error}"))?;
    let mut subscriber = client.subscribe("orders").await?;

    // Ends the subscription once what has arrived is handled: the server would not send it again.
    tokio::spawn(async move {
        let _ = ctrl_c().await;
        client.drain().await
    });
    while let Some(message) = subscriber.next().await {
        with_message_context(&message, handle).await; // <- the one line
    }
    Ok(())
}

async fn handle(message: &Message) {
    let order = String::from_utf8_lossy(&message.payload);
    global::tracer("billing").in_span("write invoice", |_| println!("invoice for {order}"));
}
