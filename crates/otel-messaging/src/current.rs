//! The context that a message that goes out belongs to.

#[cfg(feature = "tracing")]
use crate::boundary::{self, Step};
#[cfg(feature = "tracing")]
use crate::tracing_span;
use opentelemetry::Context;

/// The context that a message published here and now would carry on: OpenTelemetry's current one
/// or, with the feature `tracing`, that of the innermost entered span of `tracing` where that was
/// entered since OpenTelemetry's was made current, or where OpenTelemetry has no span of its own here.
///
/// The two differ where tracing-opentelemetry's layer does not activate contexts
/// (`with_context_activation(false)`), which it does by default. To ask starts the span: its
/// parent can no longer be set.
///
/// Do not call this, and do not publish, in a sampler or in a span processor's `on_start`: for a span of
/// `tracing` that the application opens, the layer of tracing-opentelemetry 0.34 holds the span's lock at
/// that moment, and the thread may wait for itself for ever.
#[must_use]
pub fn current_context() -> Context {
    let context = Context::current();
    // To ask may start a span of the application's.
    #[cfg(feature = "tracing")]
    if let Some(Some(traced)) = boundary::SPANS.ask(Step::Look, || tracing_span::current(&context))
    {
        return traced;
    }
    context
}
