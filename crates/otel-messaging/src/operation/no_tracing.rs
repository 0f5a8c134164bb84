//! Without the feature `tracing`, spans are of OpenTelemetry alone.

use crate::context::traced::Span;
use crate::loss::finding::Finding;
use crate::telemetry::span_builder::SpanKindOf;
use opentelemetry::Context;
use opentelemetry::trace::SpanBuilder;

/// What came of starting a span of `tracing`.
pub(crate) enum Started {
    #[expect(dead_code, reason = "nothing starts one")]
    Seen(Span, Context),
    Unseen,
    #[expect(dead_code, reason = "nothing starts one")]
    Failed,
}

#[inline]
pub(crate) fn is_wanted(_kind: SpanKindOf) -> bool {
    false
}

#[inline]
pub(crate) fn start(_kind: SpanKindOf, _builder: &SpanBuilder, _parent: &Context) -> Started {
    Started::Unseen
}

#[inline]
pub(crate) fn check(_kind: SpanKindOf) -> Option<Result<(), Finding>> {
    None
}

#[inline]
pub(crate) fn close(_span: Span) {}
