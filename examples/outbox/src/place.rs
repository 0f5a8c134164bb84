//! The request: writes the order, and what is to be told of it, in one transaction.

use crate::order::Order;
use crate::stop::{self, Point};
use crate::store::{self, Message, Store};
use crate::telemetry::tell;
use anyhow::bail;
use opentelemetry::trace::{FutureExt, Status, TraceContextExt, Tracer};
use opentelemetry::{Context, global};
use otel_messaging_rdkafka::get_context;

/// Places one order, in a span of its own.
pub(crate) async fn run(
    store: &Store,
    topic: &str,
    order: &Order,
    stop_at: Option<Point>,
) -> anyhow::Result<()> {
    let span = global::tracer("shop").start("place order");
    let context = Context::new().with_span(span);
    let placing = place(store, topic, order, stop_at);
    let placed = placing.with_context(context.clone()).await;
    if placed.is_err() {
        context.span().set_status(Status::error("not placed"));
    }
    store.named(placed)
}

async fn place(
    store: &Store,
    topic: &str,
    order: &Order,
    stop_at: Option<Point>,
) -> anyhow::Result<()> {
    let number = order.number;
    let message = Message {
        topic: topic.to_owned(),
        key: number.to_string(),
        payload: serde_json::to_string(order)?,
        // <- the one line: the relay may be another process, tomorrow.
        context: Some(serde_json::to_string(&get_context())?),
    };

    let mut transaction = store.begin().await?;
    store::insert_order(&mut transaction, order).await?;
    let id = store::insert_message(&mut transaction, &message).await?;
    if !store::take_from_stock(&mut transaction, order).await? {
        // The transaction is dropped: neither the order nor its message has ever been.
        bail!("order {number}: no {} {} in stock", order.count, order.item);
    }
    tell("place", &format!("order {number} written, row {id}"));
    stop::at(Point::Written, stop_at).await;

    transaction.commit().await?;
    tell("place", &format!("order {number} committed"));
    stop::at(Point::Committed, stop_at).await;
    Ok(())
}
