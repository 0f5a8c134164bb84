//! The context of one moment, to be made current wherever its work is done.

use crate::boundary;
#[cfg(feature = "tracing")]
use crate::boundary::Step;
use crate::current::current_context;
use crate::scope;
#[cfg(feature = "tracing")]
use crate::tracing_span;
use opentelemetry::Context;
use opentelemetry::trace::TraceContextExt;
use std::fmt;

#[derive(Clone)]
pub(crate) struct Captured {
    context: Context,
    /// What spans of `tracing` go by where its layer does not activate contexts.
    #[cfg(feature = "tracing")]
    span: tracing::Span,
}

impl Captured {
    /// What is current here and now.
    pub(crate) fn current() -> Self {
        let context = current_context();
        Self {
            #[cfg(feature = "tracing")]
            span: boundary::SPANS
                .ask(Step::Look, || tracing_span::to_take_along(&context))
                .unwrap_or_else(tracing::Span::none),
            context,
        }
    }

    /// Without the span itself, of which only the ids stay: it ends when its own work is done, also
    /// where nobody ends it by name, as in `Tracer::in_span`.
    pub(crate) fn without_span(mut self) -> Self {
        let span = self.context.span().span_context().clone();
        if span.is_valid() && !span.is_remote() {
            let context = self.context.with_remote_span_context(span);
            boundary::release(std::mem::replace(&mut self.context, context));
        }
        self
    }

    pub(crate) fn context(&self) -> &Context {
        &self.context
    }

    /// Works with the context current; what was current before is restored, also by a panic.
    pub(crate) fn attached<T>(&self, work: impl FnOnce() -> T) -> T {
        scope::attached(
            &self.context,
            #[cfg(feature = "tracing")]
            &self.span,
            work,
        )
    }
}

/// It may have the last handle of a span that nobody ends by name; then the provider's code ends it.
impl Drop for Captured {
    fn drop(&mut self) {
        boundary::release(std::mem::take(&mut self.context));
        #[cfg(feature = "tracing")]
        boundary::release(std::mem::replace(&mut self.span, tracing::Span::none()));
    }
}

impl From<Context> for Captured {
    fn from(context: Context) -> Self {
        Self {
            context,
            #[cfg(feature = "tracing")]
            span: tracing::Span::none(),
        }
    }
}

impl fmt::Debug for Captured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.context.fmt(f)
    }
}
