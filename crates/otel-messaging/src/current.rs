//! The context that a message that goes out belongs to.

use opentelemetry::Context;

/// The context that a message published here and now would carry on: OpenTelemetry's current one
/// or, with the feature `tracing`, that of the current `tracing` span where OpenTelemetry has no
/// span of its own here, or only that of the message in whose handling the `tracing` span was
/// opened.
///
/// The two differ where tracing-opentelemetry's layer does not activate contexts
/// (`with_context_activation(false)`), which it does by default. To ask starts the span: its
/// parent can no longer be set. Do not ask, nor publish, in `on_start` of a span processor: the layer
/// of tracing-opentelemetry 0.34 then holds the lock of the span that starts, and both wait for ever.
#[must_use]
pub fn current_context() -> Context {
    let context = Context::current();
    #[cfg(feature = "tracing")]
    let context = crate::tracing_span::current(context);
    context
}
