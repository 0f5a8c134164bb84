//! The handling of a message in a program with `tracing`, whose spans tracing-opentelemetry's layer exports.

use super::measure::{SPAN, instrumentation, polls, repeat, wait};
use super::process::came;
use super::{Receives, Setting, process};
use crate::bound::Came;
use crate::case::{Cell, Column, Work};
use crate::client::Client;
use opentelemetry::trace::{TraceContextExt, TracerProvider};
use std::pin::{Pin, pin};
use std::task::{self, Waker};
use tracing::{Instrument, info_span, instrument};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::layer::SubscriberExt;

impl Cell {
    /// As [`measure_handling`](Cell::measure_handling), with the layer.
    pub fn measure_traced<M: Receives>(&self) {
        let provider = Setting::Recorded.provider().expect("spans");
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("benches"));
        let subscriber = tracing_subscriber::registry().with(layer);
        tracing::subscriber::set_global_default(subscriber).expect("the first");
        let message = || M::message(M::Client::received(&SPAN.entries()));
        if self.row.work == Work::TracedPoll {
            return measure_poll::<M>(self, &message());
        }
        let ours = instrumentation(self);
        let around = [|| {}; 2];
        match self.column {
            Column::Wire => repeat(self, around, message, async |message| {
                handle::<M>(message).await;
            }),
            Column::Bound => repeat(self, around, message, async |message| {
                process_by_hand::<M>(message).await;
            }),
            _ => repeat(self, around, message, async |message| {
                process::<M>(ours.as_ref(), message).await;
            }),
        }
    }
}

/// What every traced program has: it knows nothing of the sender.
#[instrument(skip_all)]
async fn handle<M: Receives>(_message: &M::Message) {}

/// The span of ours, by hand: its name, its attributes, its parent and its link.
async fn process_by_hand<M: Receives>(message: &M::Message) {
    let (builder, comes_too_often) = M::process_span(message);
    let mut came = came::<M>(message);
    if comes_too_often {
        came = came.too_often();
    }
    let Came { context, senders } = came;
    let span = info_span!(
        "process",
        otel.name = &*builder.name,
        otel.kind = "consumer"
    );
    for attribute in builder.attributes.into_iter().flatten() {
        span.set_attribute(attribute.key, attribute.value);
    }
    let sender = context.span().span_context().clone();
    for sender in senders
        .into_iter()
        .chain(sender.is_valid().then_some(sender))
    {
        span.add_link(sender);
    }
    let _ = span.set_parent(context);
    async {}.instrument(span).await;
}

fn measure_poll<M: Receives>(cell: &Cell, message: &M::Message) {
    let ours = instrumentation(cell).unwrap_or_default();
    // By the first message, the crate finds out what the layer does. It is handled before the others come.
    let first = pin!(ours.process(message).run(async {}));
    let _ = first.poll(&mut task::Context::from_waker(Waker::noop()));
    polls(cell, || -> Pin<Box<dyn Future<Output = ()>>> {
        match cell.column {
            Column::Bound => Box::pin(wait().instrument(info_span!("by hand"))),
            _ => Box::pin(ours.process(message).run(wait())),
        }
    });
}
