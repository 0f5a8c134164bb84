//! The shop places the order: here the trace begins.

use crate::hop::{Hop, Producer};
use crate::order::{Item, Order};
use crate::service::Service;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::{FutureExt, TraceContextExt, Tracer};
use opentelemetry::{Context, KeyValue};

pub(crate) async fn run(
    shop: &Service,
    hops: [&Hop; 3],
    checkout: &Producer,
) -> anyhow::Result<()> {
    for hop in hops {
        hop.joined().await?;
    }
    let span = shop.tracer.start("place order");
    // Baggage goes with the context, over all hops: shipping reads it.
    let context = Context::new()
        .with_span(span)
        .with_baggage([KeyValue::new("customer.tier", "gold")]);
    place_order(checkout).with_context(context).await
}

async fn place_order(checkout: &Producer) -> anyhow::Result<()> {
    let tea = Item {
        name: "tea".to_owned(),
        count: 3,
        price: 450,
    };
    checkout.send(&Order::of(7, vec![tea])).await
}
