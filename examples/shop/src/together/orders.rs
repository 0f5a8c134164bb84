//! Ten orders, and the table of what became of them.

use super::received::{Received, hex};
use super::table;
use crate::order::Order;
use anyhow::Context;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use uuid::Uuid;

/// An order, and who places it.
pub(super) struct Placed {
    pub(super) order: Order,
    pub(super) tenant: &'static str,
}

/// What may become of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Mailed,
    OrderPutAside,
    ParcelPutAside,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Mailed => "mailed",
            Self::OrderPutAside => "put aside by billing",
            Self::ParcelPutAside => "put aside by the notifier",
        })
    }
}

/// Ten orders of three tenants. One of them is poisonous, and one is from a customer who does not exist.
pub(super) fn ten() -> Vec<Placed> {
    let tenants = ["acme", "globex", "acme", "initech"];
    let customers = ["ada", "grace", "edsger"];
    let placed = |number: usize| Placed {
        order: Order {
            id: Uuid::new_v4(),
            customer: match number {
                8 => "nobody",
                _ => customers[number % customers.len()],
            }
            .to_owned(),
            amount: if number == 5 { 0 } else { 1250 },
        },
        tenant: tenants[number % tenants.len()],
    };
    (1..=10).map(placed).collect()
}

/// Sends them to the gateway, one after the other.
pub(super) async fn send(orders: &[Placed], gateway: &str) -> anyhow::Result<()> {
    let client = reqwest::Client::new();
    for placed in orders {
        let request = client.post(format!("http://{gateway}/orders"));
        let request = request.header("tenant", placed.tenant).json(&placed.order);
        let answer = request
            .send()
            .await
            .and_then(reqwest::Response::error_for_status);
        answer.with_context(|| format!("order {}", placed.order.id))?;
    }
    Ok(())
}

/// The orders as a table.
pub(super) fn table(
    orders: &[Placed],
    outcomes: &BTreeMap<Uuid, Outcome>,
    received: &Received,
) -> String {
    let rows = orders.iter().map(|placed| {
        let trace = received.trace_of(placed.order.id);
        let spans = received.spans_of(trace);
        let services: BTreeSet<_> = spans.iter().map(|span| &span.service).collect();
        let outcome = outcomes.get(&placed.order.id);
        [
            placed.order.id.to_string(),
            placed.tenant.to_owned(),
            outcome.map_or_else(String::new, ToString::to_string),
            spans.len().to_string(),
            services.len().to_string(),
            hex(trace),
        ]
    });
    table::of(
        [
            "order", "tenant", "outcome", "spans", "services", "trace id",
        ],
        rows,
    )
}
