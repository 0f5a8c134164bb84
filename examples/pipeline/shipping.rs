//! Shipping: the end of the way. The label is printed by a worker of a pool, in the order's trace.

use crate::hop::{Arrival, Consumer};
use crate::order::Order;
use crate::service::Service;
use anyhow::Context as _;
use examples::pool::Pool;
use opentelemetry::Context;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::{FutureExt, TraceContextExt, Tracer};
use std::fmt;
use std::num::NonZeroUsize;

pub(crate) async fn run(
    shipping: &Service,
    orders: &mut Consumer,
) -> anyhow::Result<(Arrival, Label)> {
    let tracer = shipping.tracer.clone();
    let printers = Pool::start(NonZeroUsize::MIN, NonZeroUsize::MIN, move |_, order| {
        // The job's context is current here, and in the trace of its order.
        let span = tracer.start("print label");
        print_label(order).with_context(Context::current_with_span(span))
    });

    let mut printing = None;
    let arrival = orders
        .receive(async |order| {
            printing = Some(printers.submit(order).await);
            Ok(())
        })
        .await?;

    printers.finish().await;
    let label = printing.context("no label was printed")?.result().await?;
    Ok((arrival, label?))
}

/// What is stuck on the parcel.
pub(crate) struct Label {
    order: u32,
    invoice: String,
    service: &'static str,
}

async fn print_label(order: Order) -> anyhow::Result<Label> {
    let context = Context::current();
    let tier = context.baggage().get("customer.tier");
    Ok(Label {
        order: order.number,
        invoice: order.invoice.context("shipping wants an invoice")?,
        service: match tier.map(|tier| tier.as_str()) {
            Some("gold") => "express",
            _ => "standard",
        },
    })
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (order, invoice, service) = (self.order, &self.invoice, self.service);
        write!(
            f,
            "order {order} with invoice {invoice} goes out by {service}"
        )
    }
}
