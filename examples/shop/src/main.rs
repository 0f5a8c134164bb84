//! Five services over three brokers, with traces, metrics and logs: `cargo run --bin shop`.
//!
//! ```text
//! HTTP -> gateway -RabbitMQ-> billing -Kafka-> shipping -JetStream-> notifier -NATS-> mails
//!                                                                       |
//!                                                                       +-NATS request-> customers
//! ```
//!
//! Each service has a file. All that they have of telemetry is in `telemetry.rs`: the others wrap their
//! producers and call their handlers as `otel-messaging` has it. `together/` starts all five, sends ten
//! orders and shows what came of them; a shop of yours does not need it. `README.md` beside `src/` says
//! more.

#[path = "../../address.rs"]
#[expect(unreachable_pub, reason = "public in the library of the examples")]
mod address;
mod arguments;
mod billing;
mod customers;
mod gateway;
mod invoices;
mod kafka;
mod mailer;
mod names;
mod nats;
mod notifier;
mod order;
mod rabbitmq;
#[path = "../../runtime.rs"]
#[expect(unreachable_pub, reason = "public in the library of the examples")]
mod runtime;
mod service;
mod shipping;
mod telemetry;
mod together;

use crate::arguments::{Arguments, Role};
use crate::service::{Service, stop_with_input, stopping, until_stopped};
use crate::telemetry::Telemetry;
use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let ended = match &arguments.role {
        Some(role) => serve(&arguments, role),
        None => runtime::run(together::run(&arguments)),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let error = address::one_line(format_args!("{error:#}"));
            let who = arguments.role.map(|role| format!(" {}", role.name()));
            eprintln!("shop{}: {error}", who.unwrap_or_default());
            ExitCode::FAILURE
        }
    }
}

/// Runs one of the services. What it has exported is out when it ends.
fn serve(arguments: &Arguments, role: &Role) -> anyhow::Result<()> {
    let _telemetry = Telemetry::start(role.name())?;
    let ended = runtime::run(work(arguments, role));
    if let Err(error) = &ended {
        tracing::error!("{error:#}");
    }
    ended
}

async fn work(arguments: &Arguments, role: &Role) -> anyhow::Result<()> {
    let stop = stopping()?;
    if arguments.stop_with_input {
        stop_with_input(stop.clone());
    }
    let service = Service {
        name: role.name(),
        brokers: arguments.brokers(),
        stop: stop.clone(),
    };
    let role = role.clone();
    let working = async move {
        match role {
            Role::Gateway { listen } => gateway::run(service, listen).await,
            Role::Billing { database } => billing::run(service, &database).await,
            Role::Shipping => shipping::run(service).await,
            Role::Notifier => notifier::run(service).await,
            Role::Customers => customers::run(service).await,
        }
    };
    until_stopped(stop, working).await
}
