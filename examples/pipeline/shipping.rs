//! Shipping: the end of the way. The label is printed by a background worker, in the order's trace.

use crate::hop::{Arrival, Consumer};
use crate::order::Order;
use crate::service::Service;
use anyhow::Context as _;
use opentelemetry::Context;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::{FutureExt, TraceContextExt, Tracer};
use opentelemetry_sdk::trace::SdkTracer;
use std::fmt;
use tokio::sync::{mpsc, oneshot};

pub(crate) async fn run(
    shipping: &Service,
    orders: &mut Consumer,
) -> anyhow::Result<(Arrival, Label)> {
    let (jobs, queue) = mpsc::channel(1);
    let worker = tokio::spawn(print_labels(shipping.tracer.clone(), queue));

    let (printed, label) = oneshot::channel();
    let arrival = orders
        .receive(async |order| {
            // A task inherits nothing: the context moves with the job.
            let context = Context::current();
            let job = Job {
                order,
                context,
                printed,
            };
            jobs.send(job).await.context("the worker is gone")
        })
        .await?;

    // No more jobs: the worker ends when it has done those it has.
    drop(jobs);
    worker.await.context("the worker failed")?;
    Ok((arrival, label.await.context("no label was printed")??))
}

struct Job {
    order: Order,
    context: Context,
    printed: oneshot::Sender<anyhow::Result<Label>>,
}

async fn print_labels(tracer: SdkTracer, mut queue: mpsc::Receiver<Job>) {
    while let Some(job) = queue.recv().await {
        let span = tracer.start_with_context("print label", &job.context);
        let context = job.context.with_span(span);
        let label = print_label(job.order).with_context(context).await;
        // Nobody may be waiting for it any more.
        let _ = job.printed.send(label);
    }
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
