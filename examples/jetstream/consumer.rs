//! Handles orders from a JetStream stream, each in the trace of its sender:
//! `cargo run --bin jetstream-consumer`, beside `cargo run --bin jetstream-producer`. Ctrl-C stops
//! it, after the order in hand.
//!
//! `NATS_URL` says where NATS is, `nats://127.0.0.1:4222` if it is not set.

use anyhow::anyhow;
use async_nats::jetstream::consumer::pull;
use async_nats::jetstream::{self, Message, stream};
use futures_util::StreamExt;
use opentelemetry::global;
use opentelemetry::trace::Tracer;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use otel_messaging_async_nats::{Settlement, propagation, self_check, with_settlement};
use std::pin::pin;
use std::str::Utf8Error;
use tokio::signal::ctrl_c;

#[tokio::main]
async fn main() -> std::process::ExitCode {
    if std::env::args().len() > 1 {
        eprintln!("usage: jetstream-consumer, without arguments; NATS_URL says where NATS is");
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
        eprintln!("jetstream-consumer: {finding}");
    }

    let outcome = consume().await;
    // Last: the spans and metrics of what was handled until now are exported.
    let _ = tracers.shutdown();
    let _ = meters.shutdown();
    match outcome {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("jetstream-consumer: {error}");
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
    let config = stream::Config {
        name: "ORDERS".to_owned(),
        subjects: vec!["jetstream.orders".to_owned()],
        ..Default::default()
    };
    let stream = jetstream::new(client.clone())
        .get_or_create_stream(config)
        .await?;
    let config = pull::Config {
        durable_name: Some("billing".to_owned()),
        ..Default::default()
    };
    let consumer = stream.get_or_create_consumer("billing", config).await?;

    let mut messages = pin!(consumer.messages().await?.take_until(ctrl_c()));
    while let Some(message) = messages.next().await {
        let message = message?;
        let settled = with_settlement(&message, handle).or(Settlement::Term); // <- the one line
        if let Err(error) = settled.await.map_err(|error| anyhow!(error))? {
            eprintln!("jetstream-consumer: no invoice: {error}");
        }
    }
    // Acknowledgements are only handed to the client.
    client.flush().await?;
    Ok(())
}

async fn handle(message: &Message) -> Result<(), Utf8Error> {
    let order = str::from_utf8(&message.payload)?;
    global::tracer("billing").in_span("write invoice", |_| println!("invoice for {order}"));
    Ok(())
}
