//! Publishes three orders to a JetStream stream, each with the context of its span in the headers:
//! `cargo run --bin jetstream-producer`, beside `cargo run --bin jetstream-consumer`.
//!
//! `NATS_URL` says where NATS is, `nats://127.0.0.1:4222` if it is not set.

use anyhow::anyhow;
use async_nats::jetstream::context::PublishError;
use async_nats::jetstream::{self, stream};
use opentelemetry::trace::{FutureExt, TraceContextExt, Tracer};
use opentelemetry::{Context, global};
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use otel_messaging_async_nats::{InjectingProducer, propagation, self_check};

#[tokio::main]
async fn main() -> std::process::ExitCode {
    if std::env::args().len() > 1 {
        eprintln!("usage: jetstream-producer, without arguments; NATS_URL says where NATS is");
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
        eprintln!("jetstream-producer: {finding}");
    }

    let outcome = produce().await;
    // Last: the spans and metrics of what was published until now are exported.
    let _ = tracers.shutdown();
    let _ = meters.shutdown();
    match outcome {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("jetstream-producer: {error}");
            std::process::ExitCode::FAILURE
        }
    }
}

async fn produce() -> anyhow::Result<()> {
    let url = std::env::var("NATS_URL").unwrap_or_else(|_| "nats://127.0.0.1:4222".to_owned());
    // The part before the `@` may be a password.
    let shown = url.rsplit('@').next().unwrap_or_default();
    let client = async_nats::connect(&url)
        .await
        .map_err(|error| anyhow!("NATS at {shown}: {error}"))?;
    let jetstream = jetstream::new(client);
    let config = stream::Config {
        name: "ORDERS".to_owned(),
        subjects: vec!["jetstream.orders".to_owned()],
        ..Default::default()
    };
    jetstream.get_or_create_stream(config).await?;

    let jetstream = InjectingProducer::new(jetstream); // <- the one line

    for number in 1..=3 {
        let span = global::tracer("shop").start("place order");
        let context = Context::current_with_span(span);
        let placing = place_order(&jetstream, number).with_context(context);
        placing.await?;
    }
    Ok(())
}

async fn place_order(
    jetstream: &InjectingProducer<jetstream::Context>,
    number: u32,
) -> Result<(), PublishError> {
    let order = format!("order {number}");
    let stored = jetstream.publish("jetstream.orders", order.into()).await?;
    // The span of the publishing ends with the stream's answer.
    stored.await?;
    Ok(())
}
