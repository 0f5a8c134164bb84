//! The span of one messaging operation, and the context in which it is current.

use crate::context::current::Current;
use crate::context::traced;
use crate::loss::boundary::{Boundary, count};
use crate::loss::catch::Behind;
use crate::loss::row::Step;
use crate::message::attributes::Attributes;
use crate::message::info::MessageInfo;
use crate::message::received::{Client, Describe};
use crate::message::remote_text;
use crate::operation::parent::Parent;
use crate::operation::probe::has_provider;
use crate::operation::traced_span::{self, Opened, Started};
use crate::propagation::random_flag;
use crate::telemetry::semconv;
use crate::telemetry::span_builder::{Action, SpanName, span_builder};
use crate::telemetry::tracer::{GivenTracers, Telemetry, boundary_of};
use opentelemetry::trace::{Link, Span, SpanBuilder, Status, TraceContextExt};
use opentelemetry::{Context, KeyValue};
use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, OnceLock};

/// The span of one message. Dropping it ends the span.
///
/// [`process`](crate::process) starts it. With the feature `tracing`, and if the program has
/// tracing-opentelemetry's layer, it is a span of `tracing`. Otherwise, and if the instrumentation has a
/// tracer provider of its own, it is a span of OpenTelemetry alone. Without a tracer provider there is no
/// span, and the message's context still propagates.
#[must_use = "dropping it ends the span"]
pub struct MessageSpan {
    current: Current,
    state: State,
    /// Whose span it is, if not the global provider's.
    given: Option<Arc<GivenTracers>>,
    /// The `error.type` of its failure, also where the span does not record it.
    error_type: OnceLock<Cow<'static, str>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// No span was started: the context that came in is current.
    Without,
    Open,
    Ended,
}

impl MessageSpan {
    /// Starts the span of a message if a span is wanted. It looks at the message only then. `info` is
    /// what is known of the message already; `more` adds attributes that are not the message's own.
    pub(crate) fn start<C, M>(
        by: &Telemetry,
        action: Action,
        parent: Parent<'_>,
        links: impl FnOnce() -> Vec<Link>,
        (message, info): (&M, Option<MessageInfo<'_>>),
        more: impl FnOnce(&mut Attributes),
    ) -> Self
    where
        M: Describe<C> + ?Sized,
    {
        let came = parent.came();
        if by.is_off() || came.is_telemetry_suppressed() {
            return Self::without(came.clone().into());
        }
        let mut name = None;
        let opened = if by.is_given() {
            Opened::Unwanted
        } else {
            let name = &mut name;
            traced_span::open(action.kind, move || {
                name.insert(SpanName::of(action, message.destination()))
                    .as_str()
            })
        };
        let opened = match opened {
            Opened::Span(span) => Some(span),
            Opened::Unwanted if has_provider::<M::Client>(by) => None,
            _ => return Self::without(came.clone().into()),
        };
        let builder = span_builder(action, name, links(), message, info, more);
        let started = Self::started::<M::Client>(by, opened, builder, &parent.context());
        // Without a span, what came in goes out.
        started.unwrap_or_else(|| Self::without(came.clone().into()))
    }

    #[inline(never)]
    fn started<C: Client>(
        by: &Telemetry,
        opened: Option<traced::Span>,
        builder: SpanBuilder,
        parent: &Context,
    ) -> Option<Self> {
        if let Some(opened) = opened {
            match traced_span::start(opened, &builder, parent) {
                Started::Seen(span, context) => {
                    let context = random_flag::keep(context, parent);
                    return Some(Self::open(Current::new(context, span), None));
                }
                Started::Failed => return None,
                Started::Unseen => {}
            }
        }
        let context = by.with_tracer::<C, _>(|tracer| {
            let span = builder.start_with_context(tracer, parent);
            // A provider that was shut down gives a span without ids, and a provider without effect gives
            // the parent's span: the context that came in then goes out.
            let is_own = span.span_context().is_valid()
                && span.span_context().span_id() != parent.span().span_context().span_id();
            is_own.then(|| parent.with_span(span))
        });
        let context = random_flag::keep(context.flatten()?, parent);
        Some(Self::open(context.into(), by.given_tracers()))
    }

    fn open(current: Current, given: Option<Arc<GivenTracers>>) -> Self {
        Self::new(current, State::Open, given)
    }

    fn new(current: Current, state: State, given: Option<Arc<GivenTracers>>) -> Self {
        Self {
            current,
            state,
            given,
            error_type: OnceLock::new(),
        }
    }

    /// Work in a context without a span of its own.
    pub(crate) fn without(current: Current) -> Self {
        Self::new(current, State::Without, None)
    }

    pub(crate) fn has_span(&self) -> bool {
        self.state != State::Without
    }

    /// The context to work in: the message's context, with the span if there is one.
    #[must_use]
    pub fn context(&self) -> &Context {
        self.current.context()
    }

    /// Marks the span as failed. `error_type` is a name of low cardinality for `error.type`;
    /// `description` says what happened. Both are exported, cut to 1,024 bytes and without control
    /// characters. The first failure counts: later calls change nothing.
    pub fn fail(&self, error_type: impl Into<Cow<'static, str>>, description: impl fmt::Display) {
        let error_type = remote_text::shown_cow(error_type.into());
        if self.error_type.set(error_type).is_err() || !self.has_span() {
            return;
        }
        self.boundary().call(Step::DESCRIBE, || {
            let span = self.context().span();
            if span.is_recording() {
                if let Some(error_type) = self.error_type.get() {
                    span.set_attribute(KeyValue::new(semconv::ERROR_TYPE, error_type.clone()));
                }
                span.set_status(Status::error(remote_text::shown_of(description)));
            }
        });
    }

    /// The `error.type` of its failure, if it failed.
    pub(crate) fn error_type(&self) -> Option<&str> {
        self.error_type.get().map(|error_type| &**error_type)
    }

    /// Adds attributes, if the span records any.
    pub(crate) fn set_attributes(&self, set: impl FnOnce(&mut Attributes)) {
        if !self.has_span() {
            return;
        }
        self.boundary().call(Step::DESCRIBE, || {
            let span = self.context().span();
            if span.is_recording() {
                let mut attributes = Attributes::default();
                set(&mut attributes);
                for attribute in attributes.into_list() {
                    span.set_attribute(attribute);
                }
            }
        });
    }

    #[inline]
    pub(crate) fn current(&self) -> &Current {
        &self.current
    }

    /// Ends the span, also if there are other handles of it. Later calls do nothing.
    pub(crate) fn end(&mut self) {
        if self.state != State::Open {
            return;
        }
        self.state = State::Ended;
        let span = self.context().span();
        if span.span_context().is_sampled() {
            self.boundary().call(Step::END, || span.end());
        } else {
            // No processor is told of it, so it ends no row.
            count(Behind::Spans, || span.end());
        }
    }

    fn boundary(&self) -> &Boundary {
        boundary_of(self.given.as_ref())
    }
}

impl Drop for MessageSpan {
    fn drop(&mut self) {
        self.end();
        // Work without a span of its own may hold a handle of another one.
        if self.has_span() {
            traced_span::close(self.current.take_span());
        }
    }
}

impl fmt::Debug for MessageSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageSpan")
            .field("context", self.context())
            .field("error_type", &self.error_type())
            .finish_non_exhaustive()
    }
}
