//! A transactional outbox whose messages stay in the trace of their request:
//! `cargo run --bin outbox`.
//!
//! A request writes an order and, in the same transaction, a row of the table `outbox` with the
//! message and the request's context (`place.rs`). A relay publishes the rows, each in the context
//! that is stored in it, and removes a row once Kafka has acknowledged its message (`relay.rs`). The
//! consumer writes an invoice in the trace of the request, and once only, however often the message
//! comes (`consume.rs`).
//!
//! Without a subcommand all three run in this process, over an embedded Kafka and a temporary SQLite
//! file. `outbox place`, `outbox relay` and `outbox consume` are the same as programs of their own, on a
//! database of yours and a real Kafka; see `--help`.
//!
//! `README.md` beside this file says what is promised, and what happens if one of them is killed.

#[path = "../../address.rs"]
#[expect(unreachable_pub, reason = "public in the library of the examples")]
mod address;
mod arguments;
mod consume;
mod kafka;
mod order;
mod place;
mod relay;
mod stop;
mod store;
mod telemetry;
mod together;
mod turn;

use crate::arguments::{Arguments, Role};
use crate::kafka::Kafka;
use crate::store::Store;
use clap::Parser;
use otel_messaging_rdkafka::instrumentation::Finding;
use std::io::Write;
use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    telemetry::start();
    let findings = otel_messaging_rdkafka::self_check();
    // It shows spans alone.
    for finding in findings.into_iter().filter(|it| *it != Finding::NoMeter) {
        complain(finding);
    }
    match run(&arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(error);
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let Some(role) = &arguments.role else {
        return together::run(arguments).await;
    };
    let store = Store::open(arguments.database()).await?;
    if let Role::Place(order) = role {
        return place::run(&store, &arguments.topic, order, arguments.stop_at).await;
    }
    let kafka = Kafka::connect(arguments.brokers(), &arguments.topic).await?;
    match role {
        Role::Place(_) => Ok(()),
        Role::Relay { until_empty } => {
            relay::run(&store, &kafka, *until_empty, arguments.stop_at).await
        }
        Role::Consume { group, messages } => {
            let (topic, stop_at) = (&arguments.topic, arguments.stop_at);
            consume::run(&store, &kafka, topic, group, *messages, stop_at).await
        }
    }
}

/// One line, whatever the error says.
fn complain(error: impl std::fmt::Display) {
    let _ = writeln!(
        std::io::stderr(),
        "outbox: {}",
        address::one_line(format_args!("{error:#}"))
    );
}
