//! All five services, each a process of its own; ten orders; and what became of them.

mod logs;
mod metrics;
mod orders;
mod outcomes;
mod process;
mod received;
mod receiver;
mod services;
mod settled;
mod table;
mod tree;

use crate::arguments::Arguments;
use crate::service::stopping;
use anyhow::anyhow;
use orders::Outcome;
use outcomes::Outcomes;
use received::Received;
use receiver::Receiver;
use services::Services;
use std::collections::BTreeMap;
use std::io::{Write, stdout};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let stop = stopping()?;
    match arguments.serve {
        true => serve(arguments, &stop).await,
        false => send_ten(arguments, &stop).await,
    }
}

/// Sends ten orders through the services, and prints what came of them.
async fn send_ten(arguments: &Arguments, stop: &CancellationToken) -> anyhow::Result<()> {
    let brokers = arguments.brokers();
    let receiver = Receiver::start().await?;
    // Before the orders, or it would miss what becomes of them.
    let mut outcomes = Outcomes::watch(&brokers).await?;
    let starting = Services::start(arguments, Some(receiver.endpoint()));
    let starting = stop.run_until_cancelled(starting).await;
    let mut services = starting.unwrap_or_else(|| Err(anyhow!(STOPPED)))?;
    let (orders, most) = (orders::ten(), arguments.timeout());
    let gateway = services.gateway().to_owned();
    let settling = timeout(most, async {
        orders::send(&orders, &gateway).await?;
        outcomes.wait_for(&orders).await
    });
    let settled = tokio::select! {
        settled = settling => settled,
        error = services.ended() => Ok(Err(error)),
        () = stop.cancelled() => Ok(Err(anyhow!(STOPPED))),
    };
    let ended = services.stop().await;
    settled.map_err(|_| anyhow!("{}", outcomes.missing(&orders, most)))??;
    ended?;
    settled::assert_nothing_left(&brokers).await?;
    let (received, passed_on) = receiver.finish();
    for placed in &orders {
        let trace = received.trace_of(placed.order.id);
        anyhow::ensure!(!trace.is_empty(), "no trace of order {}", placed.order.id);
    }
    let shown = shown(&orders, outcomes.known(), &received);
    // A closed pipe, as of `| head`, is no reason to fail.
    let _ = stdout().write_all(shown.as_bytes());
    passed_on
}

const STOPPED: &str = "stopped before the orders were settled";

/// Runs the services until Ctrl-C, with their log lines on the standard output.
async fn serve(arguments: &Arguments, stop: &CancellationToken) -> anyhow::Result<()> {
    let starting = Services::start(arguments, None);
    let Some(started) = stop.run_until_cancelled(starting).await else {
        return Ok(());
    };
    let mut services = started?;
    let gateway = services.gateway();
    eprintln!("shop: POST http://{gateway}/orders; Ctrl-C ends it");
    let ended = tokio::select! {
        error = services.ended() => Err(error),
        () = stop.cancelled() => Ok(()),
    };
    ended.and(services.stop().await)
}

fn shown(
    orders: &[orders::Placed],
    outcomes: &BTreeMap<Uuid, Outcome>,
    received: &Received,
) -> String {
    let mut shown = String::new();
    shown.push_str(&orders::table(orders, outcomes, received));
    // One of each kind.
    let mut seen = Vec::new();
    for placed in orders {
        let outcome = outcomes.get(&placed.order.id);
        if !seen.contains(&outcome) {
            seen.push(outcome);
            shown.push_str(&tree::of(placed, outcome, received));
            shown.push_str(&logs::of(placed, received));
        }
    }
    shown.push_str(&metrics::table(received));
    shown.push_str(&metrics::by_tenant(received));
    shown
}
