//! The span of one messaging operation, and the context in which it is current.

use crate::boundary::{self, Behind, Boundary, Step};
use crate::instrumentation::{GivenTracer, Instrumentation, boundary_of};
use crate::propagation::keep_random_flag;
use crate::remote_text;
use crate::scope::{self, Scope};
use crate::semconv;
#[cfg(feature = "tracing")]
use crate::tracing_span::{self, Started};
use opentelemetry::baggage::{BaggageExt, KeyValueMetadata};
use opentelemetry::trace::{Span, SpanBuilder, Status, TraceContextExt};
use opentelemetry::{Context, KeyValue, Value};
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

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
    /// Whose span it is, if not the global provider's.
    given: Option<Arc<GivenTracer>>,
    #[cfg(feature = "tracing")]
    span: tracing::Span,
}

impl Operation {
    pub(crate) fn start(by: &Instrumentation, builder: SpanBuilder, parent: &Context) -> Self {
        #[cfg(feature = "tracing")]
        if !by.has_tracer()
            && let Some(started) = Self::start_by_tracing(&builder, parent)
        {
            return started;
        }
        let context = by.with_tracer(|tracer| {
            let span = builder.start_with_context(tracer, parent);
            // A provider that was shut down, or suppressed telemetry, gives a span without ids: then
            // what came in goes out.
            let is_valid = span.span_context().is_valid();
            is_valid.then(|| parent.with_span(span))
        });
        let context = context.flatten();
        Self {
            has_span: context.is_some(),
            context: match context {
                Some(context) => keep_random_flag(context, parent),
                None => parent.clone(),
            },
            ended: false,
            given: by.given_tracer(),
            #[cfg(feature = "tracing")]
            span: tracing::Span::none(),
        }
    }

    /// `None` where OpenTelemetry would not see the span.
    #[cfg(feature = "tracing")]
    fn start_by_tracing(builder: &SpanBuilder, parent: &Context) -> Option<Self> {
        let (span, context) = match tracing_span::start(builder, parent) {
            Started::Seen(span, context) => (span, keep_random_flag(context, parent)),
            Started::Failed => (tracing::Span::none(), parent.clone()),
            Started::Unseen => return None,
        };
        Some(Self {
            has_span: !span.is_none(),
            context,
            ended: false,
            given: None,
            span,
        })
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
            self.boundary().call(Step::Describe, || {
                self.context.span().set_attribute(attribute);
            });
        }
    }

    pub(crate) fn fail(&self, error_type: Cow<'static, str>, description: impl fmt::Display) {
        if !self.has_span {
            return;
        }
        self.boundary().call(Step::Describe, || {
            let span = self.context.span();
            if span.is_recording() {
                let error_type = remote_text::shown_owned(error_type.into_owned());
                span.set_attribute(KeyValue::new(semconv::ERROR_TYPE, error_type));
                span.set_status(Status::error(remote_text::shown_of(description)));
            }
        });
    }

    /// Works with the context current.
    pub(crate) fn attached<T>(&self, work: impl FnOnce() -> T) -> T {
        scope::attached(
            &self.context,
            #[cfg(feature = "tracing")]
            &self.span,
            work,
        )
    }

    /// Makes the context current on this thread until the guard is dropped.
    pub(crate) fn enter(&self) -> Scope {
        Scope::new(
            &self.context,
            #[cfg(feature = "tracing")]
            &self.span,
        )
    }

    /// Ends the span, whoever still has a handle of it. Once is enough.
    pub(crate) fn end(&mut self) {
        if self.has_span && !self.ended {
            self.ended = true;
            let span = self.context.span();
            if span.span_context().is_sampled() {
                self.boundary().call(Step::End, || span.end());
            } else {
                // No processor is told of it, so it ends no row.
                boundary::count(Behind::Spans, || span.end());
            }
        }
    }

    fn boundary(&self) -> &Boundary {
        boundary_of(self.given.as_ref())
    }
}

impl Drop for Operation {
    fn drop(&mut self) {
        self.end();
        #[cfg(feature = "tracing")]
        tracing_span::close(std::mem::replace(&mut self.span, tracing::Span::none()));
        // Also of a span around the message.
        boundary::release(std::mem::take(&mut self.context));
    }
}

impl fmt::Debug for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Operation")
            .field("context", &self.context)
            .finish_non_exhaustive()
    }
}

/// `context` with the baggage of another.
pub(crate) fn with_baggage_of(context: &Context, other: &Context) -> Context {
    let members = other.baggage().iter();
    context.with_baggage(members.map(|(key, (value, metadata))| {
        KeyValueMetadata::new(key.clone(), value.clone(), metadata.clone())
    }))
}
