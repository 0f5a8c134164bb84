//! Without the feature `tracing`, spans are of OpenTelemetry alone.

use crate::context::traced::Span;
use crate::loss::finding::Finding;
use crate::telemetry::action::Operation;
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
    Seen(Span, Context, bool),
    Unseen,
    #[expect(dead_code, reason = "nothing starts one")]
    Failed,
}

#[inline]
pub(crate) fn may_open() -> bool {
    false
}

#[inline]
pub(crate) fn open<'n>(_operation: Operation, _name: impl FnOnce() -> &'n str) -> Opened {
    Opened::Unwanted
}

#[inline]
pub(crate) fn start(_span: Span, _builder: SpanBuilder, _parent: &Context) -> Started {
    Started::Unseen
}

#[inline]
pub(crate) fn check(_operation: Operation) -> Option<Result<(), Finding>> {
    None
}

#[inline]
pub(crate) fn try_sampler(_parent: &Context) -> bool {
    false
}

#[inline]
pub(crate) fn discard(_span: Span) {}

#[inline]
pub(crate) fn close(_span: Span) {}
