//! What one test sent and handled.

use integration_tests::spans::Spans;
use opentelemetry::Context;
use opentelemetry::trace::{
    SpanContext, SpanId, Status, TraceContextExt, TraceFlags, TraceId, TraceState,
};
use opentelemetry_sdk::trace::SpanData;

/// All spans whose name begins so, in the order of their ends.
pub(crate) fn spans_named(spans: &Spans, prefix: &str) -> Vec<SpanData> {
    let mut all = spans.all();
    all.retain(|span| span.name.starts_with(prefix));
    all
}

/// How many of them have failed.
pub(crate) fn count_failed(spans: &Spans, prefix: &str) -> usize {
    let is_failed = |span: &&SpanData| matches!(span.status, Status::Error { .. });
    spans_named(spans, prefix).iter().filter(is_failed).count()
}

/// The context of work number `n`, in a trace that is known by it.
pub(crate) fn work(n: usize) -> Context {
    let span = SpanContext::new(
        trace_id(n),
        SpanId::from(n as u64 + 1),
        TraceFlags::SAMPLED,
        true,
        TraceState::NONE,
    );
    Context::new().with_remote_span_context(span)
}

pub(crate) fn trace_id(n: usize) -> TraceId {
    TraceId::from(n as u128 + 1)
}
