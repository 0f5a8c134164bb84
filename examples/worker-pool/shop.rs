//! The shop: each order is a trace of its own.

use crate::order::Order;
use crate::topics::{ANSWER, Topics};
use opentelemetry::trace::{FutureExt, TraceContextExt, Tracer};
use opentelemetry::{Context, global};
use otel_messaging_rdkafka::InjectingProducer;
use rdkafka::producer::{FutureProducer, FutureRecord};

const ARTICLES: [&str; 4] = ["tea", "pot", "cup", "spoon"];

pub(crate) async fn place_orders(
    count: u32,
    topics: &Topics,
    producer: &InjectingProducer<FutureProducer>,
) -> anyhow::Result<()> {
    let tracer = global::tracer("worker-pool");
    for (number, many) in (1..=count).zip((1..=ARTICLES.len()).rev().cycle()) {
        let order = Order {
            number,
            articles: ARTICLES[..many].iter().map(ToString::to_string).collect(),
        };
        let span = tracer.start("place order");
        let placing = place(order, topics, producer);
        placing.with_context(Context::new().with_span(span)).await?;
    }
    Ok(())
}

async fn place(
    order: Order,
    topics: &Topics,
    producer: &InjectingProducer<FutureProducer>,
) -> anyhow::Result<()> {
    let (key, payload) = (order.number.to_string(), serde_json::to_vec(&order)?);
    let record = FutureRecord::to(&topics.orders).key(&key).payload(&payload);
    let placed = producer.send(record, ANSWER).await;
    placed.map_err(|(error, _)| topics.failure(&topics.orders, error))?;
    Ok(())
}
