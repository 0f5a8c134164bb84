//! The span of one messaging operation, and the context in which it is current.

use crate::instrumentation::Instrumentation;
use crate::propagation::keep_random_flag;
use crate::remote_text;
use crate::semconv;
#[cfg(feature = "tracing")]
use crate::tracing_span;
use opentelemetry::baggage::{BaggageExt, KeyValueMetadata};
use opentelemetry::trace::{Span, SpanBuilder, Status, TraceContextExt};
use opentelemetry::{Context, ContextGuard, KeyValue, Value};
use std::borrow::Cow;
use std::fmt;

/// A span that was started for one message, until [`end`](Self::end).
///
/// With the feature `tracing` it is a span of that crate, where the program has
/// tracing-opentelemetry's layer; else, and by an instrumentation with a tracer provider of its
/// own, one of OpenTelemetry alone.
pub(crate) struct Operation {
    context: Context,
    /// Whether the span in `context` was started here, and is not what came in.
    has_span: bool,
    ended: bool,
    #[cfg(feature = "tracing")]
    span: tracing::Span,
}

impl Operation {
    pub(crate) fn start(by: &Instrumentation, builder: SpanBuilder, parent: &Context) -> Self {
        #[cfg(feature = "tracing")]
        if !by.has_tracer()
            && let Some((span, context)) = tracing_span::start(&builder, parent)
        {
            return Self {
                context: keep_random_flag(context, parent),
                has_span: true,
                ended: false,
                span,
            };
        }
        let span = by.with_tracer(|tracer| builder.start_with_context(tracer, parent));
        // A provider that was shut down, or suppressed telemetry, gives a span without ids: then
        // what came in goes out.
        let has_span = span.span_context().is_valid();
        Self {
            context: if has_span {
                keep_random_flag(parent.with_span(span), parent)
            } else {
                parent.clone()
            },
            has_span,
            ended: false,
            #[cfg(feature = "tracing")]
            span: tracing::Span::none(),
        }
    }

    /// The parent's context with the span, or the parent's alone if there is no tracer.
    pub(crate) fn context(&self) -> &Context {
        &self.context
    }

    pub(crate) fn has_span(&self) -> bool {
        self.has_span
    }

    /// For an operation without a span: what is to be current instead of the parent.
    pub(crate) fn set_context(&mut self, context: Context) {
        self.context = context;
    }

    pub(crate) fn set_attribute(&self, key: &'static str, value: impl Into<Value>) {
        if self.has_span {
            let attribute = KeyValue::new(key, value.into());
            self.context.span().set_attribute(attribute);
        }
    }

    pub(crate) fn fail(&self, error_type: Cow<'static, str>, description: impl fmt::Display) {
        let span = self.context.span();
        if self.has_span && span.is_recording() {
            span.set_attribute(KeyValue::new(semconv::ERROR_TYPE, error_type.into_owned()));
            span.set_status(Status::error(remote_text::shown_of(description)));
        }
    }

    /// Works with the context current.
    pub(crate) fn attached<T>(&self, work: impl FnOnce() -> T) -> T {
        #[cfg(feature = "tracing")]
        let _entered = self.span.enter();
        // Behind the span's own: entering it may attach the context that it was started with.
        let _attached = self.context.clone().attach();
        work()
    }

    /// Makes the context current on this thread until the guard is dropped.
    pub(crate) fn enter(&self) -> Attached {
        #[cfg(feature = "tracing")]
        let entered = self.span.clone().entered();
        Attached {
            _context: self.context.clone().attach(),
            #[cfg(feature = "tracing")]
            _span: entered,
        }
    }

    /// Ends the span, whoever still has a handle of it. Once is enough.
    pub(crate) fn end(&mut self) {
        if self.has_span && !self.ended {
            self.ended = true;
            self.context.span().end();
        }
    }
}

impl Drop for Operation {
    fn drop(&mut self) {
        self.end();
        #[cfg(feature = "tracing")]
        tracing_span::close(std::mem::replace(&mut self.span, tracing::Span::none()));
    }
}

impl fmt::Debug for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Operation")
            .field("context", &self.context)
            .finish_non_exhaustive()
    }
}

/// The context of an operation, current on this thread.
#[derive(Debug)]
pub(crate) struct Attached {
    // In this order: what was attached last is detached first.
    _context: ContextGuard,
    #[cfg(feature = "tracing")]
    _span: tracing::span::EnteredSpan,
}

/// `context` with the baggage of another.
pub(crate) fn with_baggage_of(context: &Context, other: &Context) -> Context {
    let members = other.baggage().iter();
    context.with_baggage(members.map(|(key, (value, metadata))| {
        KeyValueMetadata::new(key.clone(), value.clone(), metadata.clone())
    }))
}
