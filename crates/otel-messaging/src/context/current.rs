//! The current context, and the context of a piece of work.

use crate::context::scope::{self, Scope};
use crate::context::traced;
use crate::loss::boundary::release;
use opentelemetry::Context;
use opentelemetry::trace::TraceContextExt;
use std::fmt;

/// Returns the context that a message would carry if you published it now: OpenTelemetry's current
/// context or, with the feature `tracing`, the context of the innermost entered span of `tracing`. The
/// latter counts if the span was entered after OpenTelemetry's context was made current, or if
/// OpenTelemetry has no span of this process.
///
/// The two differ only if tracing-opentelemetry's layer does not activate contexts
/// (`with_context_activation(false)`); by default it does. The call starts the span, so its parent cannot
/// be set any more.
///
/// Do not call it, and do not publish, in a sampler or in a span processor's `on_start`. If the
/// application opened the span with `tracing`, the layer of tracing-opentelemetry 0.34 holds a lock on
/// the span at that moment, and the thread may wait for itself for ever.
#[must_use]
pub fn current_context() -> Context {
    let context = Context::current();
    traced::current(&context).unwrap_or(context)
}

/// A context to make current while work is done.
#[derive(Clone)]
pub(crate) struct Current {
    context: Context,
    /// With the feature `tracing`: the span that has to be entered beside it, if there is one.
    span: traced::Span,
    /// With the feature `tracing`: to enter the span makes this very context current.
    is_layers: bool,
}

impl Current {
    /// The context that is current now.
    pub(crate) fn here() -> Self {
        let context = current_context();
        Self {
            span: traced::to_take_along(&context),
            context,
            is_layers: false,
        }
    }

    /// `is_layers`: to enter the span makes this very context current.
    #[inline]
    pub(crate) fn new(context: Context, span: traced::Span, is_layers: bool) -> Self {
        Self {
            context,
            span,
            is_layers,
        }
    }

    /// Without the span itself, of which only the ids stay: it ends when its own work is done, also
    /// where nobody ends it by name, as in `Tracer::in_span`.
    pub(crate) fn without_span(mut self) -> Self {
        let span = self.context.span().span_context().clone();
        if span.is_valid() && !span.is_remote() {
            let context = self.context.with_remote_span_context(span);
            release(std::mem::replace(&mut self.context, context));
            self.is_layers = false;
        }
        self
    }

    /// With a context that is made of this one.
    pub(crate) fn map(mut self, change: impl FnOnce(Context) -> Context) -> Self {
        self.context = change(std::mem::take(&mut self.context));
        self.is_layers = false;
        self
    }

    #[inline]
    pub(crate) fn context(&self) -> &Context {
        &self.context
    }

    /// Works with the context current. Afterwards, also after a panic, the earlier context is current
    /// again.
    #[inline]
    pub(crate) fn attached<T>(&self, work: impl FnOnce() -> T) -> T {
        scope::attached(&self.context, (&self.span, self.is_layers), work)
    }

    /// Makes the context current on this thread until the guard is dropped.
    pub(crate) fn enter(&self) -> Scope {
        Scope::new(&self.context, &self.span)
    }

    /// Takes the span of `tracing` out, to be closed by its owner.
    pub(crate) fn take_span(&mut self) -> traced::Span {
        std::mem::replace(&mut self.span, traced::none())
    }
}

/// It may have the last handle of a span that nobody ends by name; then the provider's code ends it.
impl Drop for Current {
    #[inline]
    fn drop(&mut self) {
        traced::release(&mut self.span);
        // The span that sent a message is another process's.
        if self.context.has_active_span() && !self.context.span().span_context().is_remote() {
            release(std::mem::take(&mut self.context));
        }
    }
}

impl From<Context> for Current {
    fn from(context: Context) -> Self {
        Self::new(context, traced::none(), false)
    }
}

impl fmt::Debug for Current {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.context.fmt(f)
    }
}
