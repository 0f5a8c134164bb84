//! One order, four services, three hops, one trace: `cargo run --bin pipeline`.
//!
//! The shop places an order; it goes to checkout, from there to billing and on to shipping, which
//! hands the label to a pool of workers. Each service has a tracer provider and a meter provider of
//! its own, as if it were a process of its own. The trace is drawn, the headers of every hop are shown
//! as they were on the wire, and the program fails if a span is not joined. With `--metrics` the
//! metrics of the services follow. Both are exported over OTLP to `OTEL_EXPORTER_OTLP_ENDPOINT`, if
//! that is set.
//!
//! No broker is needed: the hops go over an embedded Kafka. With `--brokers` the first goes over
//! RabbitMQ, the second over Kafka, the third over NATS JetStream; see `--help`.
//!
//! The lines that a service needs are in `rabbitmq.rs`, `kafka.rs` and `nats.rs`: `InjectingProducer`
//! where it sends, `try_with_message_context` where it receives.

mod arguments;
mod billing;
mod brokers;
mod checkout;
mod drawing;
mod hop;
mod kafka;
mod metrics;
mod nats;
mod order;
mod rabbitmq;
mod service;
mod shipping;
mod shop;
mod trace;

use crate::arguments::Arguments;
use crate::brokers::Brokers;
use crate::hop::{Arrival, Route};
use crate::metrics::MetricsRecorder;
use crate::service::Services;
use crate::trace::Recorder;
use clap::Parser;
use examples::address::one_line;
use examples::runtime;
use opentelemetry::global;
use otel_messaging::propagation;
use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match runtime::run(run(&arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(error);
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let recorder = Recorder::default();
    let metrics = MetricsRecorder::default();
    let services = Services::start(&recorder, &metrics);
    // For HTTP clients too; messages carry W3C's fields anyway.
    global::set_text_map_propagator(propagation::w3c());
    for finding in services.self_check() {
        complain(finding);
    }

    let brokers = Brokers::connect(arguments).await?;
    let outcome = async {
        let mut route = brokers.route(&services).await?;
        let outcome = tokio::select! {
            outcome = work(&services, &mut route) => outcome,
            _ = tokio::signal::ctrl_c() => Err(anyhow::anyhow!("interrupted")),
        };
        route.close().await;
        outcome
    };
    let outcome = outcome.await;
    let closed = brokers.close().await;
    if let Err(error) = services.stop().await {
        complain(error);
    }
    let (arrivals, label) = outcome?;
    // What ended the work may have ended the connection too, and is the cause.
    if let Err(error) = closed {
        complain(error);
    }

    let trace = recorder.into_trace();
    let mut drawn = drawing::draw(&trace, &arrivals);
    drawn.push_str(&format!("\n{label}\n"));
    if arguments.metrics {
        drawn.push_str(&format!("\n{}\n", metrics.table()));
    }
    // A closed pipe, as of `| head`, is no reason to fail.
    let _ = std::io::stdout().write_all(drawn.as_bytes());
    trace.check()
}

/// Runs the four services at once, until the order is shipped or something fails.
async fn work(
    services: &Services,
    route: &mut Route,
) -> anyhow::Result<([Arrival; 3], shipping::Label)> {
    let Route {
        orders,
        invoices,
        parcels,
    } = route;
    let hops = [&orders.hop, &invoices.hop, &parcels.hop].map(Arc::as_ref);
    // In this order: of several that fail at once, the first is the cause.
    let (at_checkout, at_billing, (at_shipping, label), ()) = tokio::try_join!(
        checkout::run(&mut orders.consumer, &invoices.producer),
        billing::run(&mut invoices.consumer, &parcels.producer),
        shipping::run(&services.shipping, &mut parcels.consumer),
        shop::run(&services.shop, hops, &orders.producer),
    )?;
    Ok(([at_checkout, at_billing, at_shipping], label))
}

/// One line, whatever it says.
fn complain(what: impl std::fmt::Display) {
    let _ = writeln!(std::io::stderr(), "pipeline: {}", one_line(what));
}
