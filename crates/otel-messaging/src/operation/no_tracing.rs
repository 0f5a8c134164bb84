//! Without the feature `tracing`, spans are of OpenTelemetry alone.

use crate::context::traced::Span;
use crate::loss::finding::Finding;
use crate::telemetry::span_builder::SpanKindOf;
use opentelemetry::Context;
use opentelemetry::trace::SpanBuilder;

/// What came of opening a span of `tracing`.
pub(crate) enum Opened {
    #[expect(dead_code, reason = "nothing opens one")]
    Span(Span),
    Unwanted,
    #[expect(dead_code, reason = "nothing opens one")]
    Failed,
}

/// What came of starting it.
pub(crate) enum Started {
    #[expect(dead_code, reason = "nothing starts one")]
    Seen(Span, Context),
    Unseen,
    #[expect(dead_code, reason = "nothing starts one")]
    Failed,
}

#[inline]
pub(crate) fn open<'n>(_kind: SpanKindOf, _name: impl FnOnce() -> &'n str) -> Opened {
    Opened::Unwanted
}

#[inline]
pub(crate) fn start(_span: Span, _builder: &SpanBuilder, _parent: &Context) -> Started {
    Started::Unseen
}

#[inline]
pub(crate) fn check(_kind: SpanKindOf) -> Option<Result<(), Finding>> {
    None
}

#[inline]
pub(crate) fn close(_span: Span) {}
