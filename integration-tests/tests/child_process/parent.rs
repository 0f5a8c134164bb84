//! The process that starts the others: this test.

use integration_tests::spans::Spans;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::{SpanContext, TraceContextExt, TraceState, Tracer};
use opentelemetry::{Context, KeyValue};

/// A context with a span, tracestate and baggage.
pub(crate) fn context(spans: &Spans) -> Context {
    let sender = spans.root("order").span().span_context().clone();
    let state = TraceState::from_key_value([("acme", "7")]).expect("a tracestate");
    let (trace_id, span_id, flags) = (sender.trace_id(), sender.span_id(), sender.trace_flags());
    let sender = SpanContext::new(trace_id, span_id, flags, true, state);
    let context = Context::new().with_remote_span_context(sender);
    let span = spans.tracer.start_with_context("start", &context);
    context.with_span(span).with_baggage([
        // Neither a space nor a `+`: OpenTelemetry for Python takes each for the other.
        KeyValue::new("tenant", "acme,\u{fc}=%"),
        KeyValue::new("order", "7"),
    ])
}
