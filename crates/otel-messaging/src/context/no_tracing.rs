//! Without the feature `tracing` nothing is entered beside a context.

use opentelemetry::Context;

/// A span of `tracing`: there is none.
#[derive(Debug, Clone)]
pub(crate) struct Span;

/// What a scope holds while the span is entered.
#[derive(Debug)]
pub(crate) struct Entered;

/// What a scope remembers of how it began.
#[derive(Debug)]
pub(crate) struct Innermost;

impl Innermost {
    #[inline]
    pub(crate) fn new(_context: &Context, _span: &Span, _is_attached: bool) -> Self {
        Self
    }
}

#[inline]
pub(crate) fn none() -> Span {
    Span
}

#[inline]
pub(crate) fn enter(_span: &Span, _is_layers: bool) -> Entered {
    Entered
}

/// Whether entering a span has made the context current.
#[inline]
pub(crate) fn is_attached(_context: &Context) -> bool {
    false
}

#[inline]
pub(crate) fn enter_owned(_span: &Span) -> Entered {
    Entered
}

#[inline]
pub(crate) fn current(_context: &Context) -> Option<Context> {
    None
}

#[inline]
pub(crate) fn to_take_along(_context: &Context) -> Span {
    Span
}

#[inline]
pub(crate) fn release(_span: &mut Span) {}

/// Whether `tracing` knows no current span.
#[inline]
pub(crate) fn is_nobody_there() -> bool {
    true
}
