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

/// The span of what is done with one message, such as its handling: it ends when this is dropped.
///
/// [`process`](crate::process) starts one. With the feature `tracing` it is a span of that crate, where
/// the program has tracing-opentelemetry's layer; else, and by an instrumentation with a tracer provider
/// of its own, one of OpenTelemetry alone. Where nobody listens there is no span, and what came in still
/// goes out.
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
    /// No span was started: what is current is what came in.
    Without,
    Open,
    Ended,
}

impl MessageSpan {
    /// Starts the span of a message if somebody listens. Nothing of the message is looked at before.
    /// `info` is what is known of it already; `more` adds what is not the message's own.
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
            // A provider that was shut down gives a span without ids, and one without effect the ids of
            // the parent.
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

    /// What is done in a context without a span of its own.
    pub(crate) fn without(current: Current) -> Self {
        Self::new(current, State::Without, None)
    }

    pub(crate) fn has_span(&self) -> bool {
        self.state != State::Without
    }

    /// The context of the operation: what came in, with the span if there is one.
    #[must_use]
    pub fn context(&self) -> &Context {
        self.current.context()
    }

    /// Marks the span as failed. `error_type` is a name of low cardinality for `error.type`;
    /// `description` says what happened. Both are exported, cut to 1,024 bytes and without control
    /// characters. The first failure counts: a span that is marked stays as it is.
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

    /// Ends the span, whoever still has a handle of it. Once is enough.
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
