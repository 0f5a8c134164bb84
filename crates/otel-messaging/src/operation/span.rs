//! The span of one messaging operation, and the context in which it is current.

use crate::context::current::Current;
use crate::context::traced;
use crate::loss::boundary::{Boundary, count};
use crate::loss::catch::Behind;
use crate::loss::row::Step;
use crate::message::attributes::Attributes;
use crate::message::received::Client;
use crate::message::remote_text;
use crate::operation::measurement::Measurement;
use crate::operation::traced_span::{self, Started};
use crate::propagation::random_flag;
use crate::telemetry::semconv;
use crate::telemetry::tracer::{GivenTracers, Telemetry, boundary_of};
use opentelemetry::trace::{Link, Span, SpanBuilder, Status, TraceContextExt};
use opentelemetry::{Context, KeyValue};
use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

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
    /// Its metrics, if there is a meter provider, until its end.
    measurement: Option<Box<Measurement>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// No span was started: the context that came in is current.
    Without,
    Open,
    Ended,
}

impl MessageSpan {
    /// Names the span anew.
    pub(crate) fn rename(&self, name: Cow<'static, str>) {
        if self.has_span() {
            let span = self.context().span();
            self.boundary()
                .call(Step::DESCRIBE, || span.update_name(name));
        }
    }

    pub(crate) fn measured(mut self, measurement: Option<Box<Measurement>>) -> Self {
        self.measurement = measurement;
        self
    }

    #[inline(never)]
    pub(crate) fn started<C: Client>(
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
            measurement: None,
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

    /// Adds links, if there is a span.
    pub(crate) fn add_links(&self, links: Vec<Link>) {
        if !self.has_span() || links.is_empty() {
            return;
        }
        self.boundary().call(Step::DESCRIBE, || {
            let span = self.context().span();
            for link in links {
                span.add_link(link.span_context, link.attributes);
            }
        });
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
                let mut attributes = Attributes::with_capacity(8);
                set(&mut attributes);
                span.set_attributes(attributes.into_list());
            }
        });
    }

    #[inline]
    pub(crate) fn current(&self) -> &Current {
        &self.current
    }

    /// The metrics of the operation, if they are recorded.
    pub(crate) fn measurement(&mut self) -> Option<&mut Measurement> {
        self.measurement.as_deref_mut()
    }

    /// Notes the partition for the metrics.
    pub(crate) fn set_partition(&mut self, partition: u32) {
        if let Some(measurement) = &mut self.measurement {
            measurement.set_partition(partition);
        }
    }

    /// Records no metrics: the operation did not happen.
    pub(crate) fn discard_measurement(&mut self) {
        self.measurement = None;
    }

    /// Ends the span, also if there are other handles of it, and records the metrics. Later calls do
    /// nothing.
    #[inline]
    pub(crate) fn end(&mut self) {
        if self.measurement.is_some() {
            self.end_measured();
        } else if self.state == State::Open {
            self.end_span(None);
        }
    }

    /// Ends the span alone. The metrics go on.
    pub(crate) fn end_unmeasured(&mut self) {
        if self.state == State::Open {
            self.end_span(None);
            traced_span::close(self.current.take_span());
        }
    }

    #[inline(never)]
    fn end_measured(&mut self) {
        let Some(measurement) = self.measurement.take() else {
            return;
        };
        let took = measurement.elapsed();
        if self.state == State::Open {
            // The metric and the span are to say the same.
            let began = measurement.began_at();
            self.end_span(began.and_then(|began| began.checked_add(took)));
        }
        measurement.end(took, self.error_type.get());
    }

    fn end_span(&mut self, at: Option<SystemTime>) {
        self.state = State::Ended;
        let span = self.context().span();
        let end = || match at {
            Some(at) => span.end_with_timestamp(at),
            None => span.end(),
        };
        if span.span_context().is_sampled() {
            self.boundary().call(Step::END, end);
        } else {
            // No processor is told of it, so it ends no row.
            count(Behind::Spans, end);
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
