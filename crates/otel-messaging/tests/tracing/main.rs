//! Programs with the `tracing` crate: spans of messages are spans of `tracing` there.

mod adapter_panics;
mod background;
mod batch;
mod consumer;
mod counts;
mod current;
mod disabled;
mod innermost;
#[path = "../core/message.rs"]
mod message;
#[path = "../core/meter.rs"]
#[expect(dead_code, reason = "another test needs the rest")]
mod meter;
mod metrics;
mod one_trace;
#[path = "../core/order.rs"]
#[expect(dead_code, reason = "another test needs the rest")]
mod order;
mod producer;
mod random_flag;
mod receive;
mod reentrant;
mod self_check;
mod send_batch;
mod source;
mod trust;
mod two_subscribers;

use crate::message::Spans;
use opentelemetry::trace::{SpanContext, TracerProvider};
use opentelemetry_sdk::trace::SpanData;
use tracing::Dispatch;
use tracing::dispatcher::{self, DefaultGuard};
use tracing_subscriber::layer::SubscriberExt;

/// A subscriber with a layer over these spans.
fn subscriber(spans: &Spans, activation: bool) -> Dispatch {
    let layer = tracing_opentelemetry::layer()
        .with_tracer(spans.provider.tracer("application"))
        .with_context_activation(activation);
    tracing_subscriber::registry().with(layer).into()
}

/// Makes such a subscriber the default of this thread.
fn subscribe(spans: &Spans, activation: bool) -> DefaultGuard {
    dispatcher::set_default(&subscriber(spans, activation))
}

fn named(spans: &Spans, name: &str) -> SpanData {
    let ended = spans.ended();
    let mut found = ended.iter().filter(|span| span.name == name);
    let span = found.next();
    let span = span.unwrap_or_else(|| panic!("no span `{name}` in {ended:#?}"));
    assert!(found.next().is_none(), "more than one `{name}`");
    span.clone()
}

fn assert_child(child: &SpanData, parent: &SpanContext) {
    assert_eq!(child.span_context.trace_id(), parent.trace_id());
    assert_eq!(child.parent_span_id, parent.span_id(), "{}", child.name);
}
