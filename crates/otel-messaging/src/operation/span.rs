//! The span of one messaging operation, and the context in which it is current.

use crate::context::current::Current;
use crate::context::traced;
use crate::loss::boundary::{Boundary, SPANS, count};
use crate::loss::catch::Behind;
use crate::loss::count::links_dropped;
use crate::loss::row::Step;
use crate::message::attributes::Attributes;
use crate::message::received::Client;
use crate::message::remote_text;
use crate::operation::failures::Failures;
use crate::operation::measurement::Measurement;
use crate::operation::traced_span::{self, Started};
use crate::propagation::random_flag;
use crate::telemetry::exceptions::Reporter;
use crate::telemetry::semconv;
use crate::telemetry::tracer::{GivenTracers, Telemetry, boundary_of};
use opentelemetry::global::BoxedSpan;
use opentelemetry::trace::{Link, Span, SpanBuilder, Status, TraceContextExt};
use opentelemetry::{Context, KeyValue};
use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

/// The span of one message, or of a batch. Dropping it ends the span.
///
/// [`process`](crate::process) and [`process_batch`](crate::process_batch) start it. A
/// [message of a batch](crate::consumer::BatchMessage) has a context of its own and no span of its own: its
/// failures mark the span of the batch.
///
/// With the feature `tracing`, and if the program has
/// tracing-opentelemetry's layer, it is a span of `tracing`. Otherwise, and if the instrumentation has a
/// tracer provider of its own, it is a span of OpenTelemetry alone. Without a tracer provider there is no
/// span, and the message's context still propagates.
#[must_use = "dropping it ends the span"]
pub struct MessageSpan {
    current: Current,
    pub(super) state: State,
    /// Whether it records attributes. It is asked once, because each question locks the span.
    is_recording: bool,
    /// Whose span it is, if not the global provider's.
    given: Option<Arc<GivenTracers>>,
    /// The `error.type` of its failure, also where the span does not record it. In a box, because few fail.
    error_type: OnceLock<Box<Cow<'static, str>>>,
    /// Its metrics, if there is a meter provider, until its end.
    measurement: Option<Box<Measurement>>,
    /// What logs its failure, if the application wants that.
    reporter: Reporter,
    /// What few spans have.
    seldom: Option<Box<Seldom>>,
}

/// What few spans have: those of batches, and those of deliveries that are settled with them.
#[derive(Default)]
struct Seldom {
    /// The failures of its batch, which mark the batch's span at its end.
    failures: Option<Arc<Failures>>,
    /// The delivery whose handling it is, if it may not be settled at the end.
    left_open: Option<Arc<dyn LeftOpen>>,
}

/// A delivery that may not be settled when the span of its handling ends.
pub(crate) trait LeftOpen: Send + Sync {
    /// Gives the delivery back to the broker if it is not settled. The context has the open span.
    fn leave(&self, context: &Context);
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// No span was started: the context that came in is current.
    Without,
    /// A message of a batch: its own context is current, and the batch has the span.
    InBatch,
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

    /// Sets what is recorded and logged beside the span.
    #[inline]
    pub(crate) fn observe(&mut self, measurement: Option<Box<Measurement>>, reporter: Reporter) {
        self.measurement = measurement;
        self.reporter = reporter;
    }

    pub(crate) fn with_left_open(mut self, left_open: Arc<dyn LeftOpen>) -> Self {
        self.seldom.get_or_insert_default().left_open = Some(left_open);
        self
    }

    /// Starts the span that `build` describes, and adds the attributes of `describe` if it records. `None` if there is
    /// none after all. `build` is called again if there is something else to start it by.
    #[inline]
    pub(crate) fn started<C: Client>(
        by: &Telemetry,
        opened: Option<traced::Span>,
        mut build: impl FnMut() -> SpanBuilder,
        parent: &Context,
        describe: impl FnOnce(&mut Attributes),
    ) -> Option<Self> {
        if let Some(opened) = opened {
            let builder = build();
            let links = links_of(&builder);
            match traced_span::start(opened, builder, parent) {
                Started::Seen(span, context, is_layers) => {
                    count_links(links, &context);
                    let is_lost = random_flag::is_lost(&context, parent);
                    let mut current = Current::new(context, span, is_layers);
                    if is_lost {
                        current = current.map(random_flag::remember_own);
                    }
                    let is_recording = || current.context().span().is_recording();
                    let is_recording = SPANS.call(Step::DESCRIBE, is_recording) == Some(true);
                    let started = Self::open(current, is_recording, None);
                    started.set_attributes(describe);
                    return Some(started);
                }
                Started::Failed => return None,
                Started::Unseen => {}
            }
        }
        let (mut describe, mut is_again) = (Some(describe), false);
        loop {
            let builder = build();
            let links = links_of(&builder);
            let started = by.with_tracer::<C, _>(|tracer| {
                let mut span = builder.start_with_context(tracer, parent);
                if !is_own(&span, parent) {
                    return None;
                }
                let is_recording = span.is_recording();
                if is_recording && let Some(describe) = describe.take() {
                    // A boundary of its own: a panic costs the attributes, and not the span.
                    boundary_of(by.given_tracers()).call(Step::DESCRIBE, || {
                        Attributes::with_spare(|attributes| {
                            describe(attributes);
                            for attribute in attributes.drain() {
                                span.set_attribute(attribute);
                            }
                        });
                    });
                }
                Some((parent.with_span(span), is_recording))
            });
            if let Some((context, is_recording)) = started? {
                let context = random_flag::keep(context, parent);
                count_links(links, &context);
                let given = by.given_tracers().cloned();
                return Some(Self::open(context.into(), is_recording, given));
            }
            // The provider was shut down, and there may be another one by now.
            if is_again || !by.looks_again() {
                return None;
            }
            is_again = true;
        }
    }

    #[inline]
    fn open(current: Current, is_recording: bool, given: Option<Arc<GivenTracers>>) -> Self {
        let mut open = Self::new(current, State::Open);
        (open.is_recording, open.given) = (is_recording, given);
        open
    }

    #[inline]
    pub(super) fn new(current: Current, state: State) -> Self {
        Self {
            current,
            state,
            is_recording: false,
            given: None,
            error_type: OnceLock::new(),
            measurement: None,
            reporter: Reporter::default(),
            seldom: None,
        }
    }

    /// Work in a context without a span of its own.
    #[inline]
    pub(crate) fn without(current: Current) -> Self {
        Self::new(current, State::Without)
    }

    #[inline]
    pub(crate) fn has_span(&self) -> bool {
        matches!(self.state, State::Open | State::Ended)
    }

    /// The context to work in: the message's context, with the span if there is one.
    #[must_use]
    #[inline]
    pub fn context(&self) -> &Context {
        self.current.context()
    }

    /// Adds links, if there is a span.
    pub(crate) fn add_links(&self, links: Vec<Link>) {
        if !self.has_span() || links.is_empty() {
            return;
        }
        count_links(links.len(), self.context());
        self.boundary().call(Step::DESCRIBE, || {
            let span = self.context().span();
            for link in links {
                span.add_link(link.span_context, link.attributes);
            }
        });
    }

    /// Counts links that were not kept for this span.
    pub(crate) fn count_cut_links(&self, links: u64) {
        if links > 0 && self.has_span() && self.context().span().span_context().is_sampled() {
            links_dropped(links);
        }
    }

    /// Marks the span as failed. `error_type` is a name of low cardinality for `error.type`;
    /// `description` says what happened. Both are exported, cut to 1,024 bytes and without control
    /// characters. The first failure counts: later calls change nothing.
    ///
    /// If it is a message of a batch, the batch's span is marked with the first failure of its messages, and
    /// says how many of them failed.
    pub fn fail(&self, error_type: impl Into<Cow<'static, str>>, description: impl fmt::Display) {
        if self.has_failed() {
            return;
        }
        let error_type = remote_text::shown_cow(error_type.into());
        if self.reporter.is_on() {
            // Also if no span records it.
            let description = remote_text::shown_of(description);
            if self.note(error_type.clone(), &description) {
                self.reporter
                    .report(self.context(), error_type, description);
            }
        } else {
            self.note(error_type, description);
        }
    }

    /// The failures of its batch, if it is of one.
    fn failures(&self) -> Option<&Arc<Failures>> {
        self.seldom.as_ref()?.failures.as_ref()
    }

    pub(super) fn set_failures(&mut self, failures: Arc<Failures>) {
        self.seldom.get_or_insert_default().failures = Some(failures);
    }

    pub(super) fn take_failures(&mut self) -> Option<Arc<Failures>> {
        self.seldom.as_mut()?.failures.take()
    }

    /// Whether a failure is noted already, so that a later one changes nothing.
    fn has_failed(&self) -> bool {
        match self.failures() {
            Some(failures) if self.state != State::InBatch => failures.first().is_some(),
            _ => self.error_type.get().is_some(),
        }
    }

    /// Notes a failure. Returns whether it is the first of its message, or marks the span.
    fn note(&self, error_type: Cow<'static, str>, description: impl fmt::Display) -> bool {
        let Some(failures) = self.failures() else {
            return self.mark(error_type, description);
        };
        let is_of_message = self.state == State::InBatch;
        if is_of_message && self.error_type.set(error_type.clone().into()).is_err() {
            return false;
        }
        failures.add(is_of_message, error_type, description) || is_of_message
    }

    /// Marks the span, and logs nothing. Returns whether it is the first failure.
    pub(crate) fn mark(
        &self,
        error_type: Cow<'static, str>,
        description: impl fmt::Display,
    ) -> bool {
        if self.error_type.set(error_type.into()).is_err() {
            return false;
        }
        if !self.is_recording {
            return true;
        }
        self.boundary().call(Step::DESCRIBE, || {
            let span = self.context().span();
            if let Some(error_type) = self.error_type.get() {
                let error_type = Cow::clone(error_type);
                span.set_attribute(KeyValue::new(semconv::ERROR_TYPE, error_type));
            }
            span.set_status(Status::error(remote_text::shown_of(description)));
        });
        true
    }

    /// The `error.type` of its failure, if it failed.
    pub(crate) fn error_type(&self) -> Option<&str> {
        self.error_type.get().map(|error_type| &***error_type)
    }

    /// Adds attributes, if the span records any.
    pub(crate) fn set_attributes(&self, set: impl FnOnce(&mut Attributes)) {
        if !self.is_recording {
            return;
        }
        self.boundary().call(Step::DESCRIBE, || {
            Attributes::with_spare(|attributes| {
                set(attributes);
                if !attributes.is_empty() {
                    self.context().span().set_attributes(attributes.drain());
                }
            });
        });
    }

    /// Whether it records attributes.
    pub(super) fn is_recording(&self) -> bool {
        self.is_recording
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
        if self.seldom.is_some() {
            self.end_seldom();
        }
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
    fn end_seldom(&mut self) {
        let left_open = self.seldom.as_mut().and_then(|it| it.left_open.take());
        if let Some(left_open) = left_open {
            left_open.leave(self.context());
        }
        if self.state != State::InBatch {
            self.mark_batch();
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
        measurement.end(took, self.error_type.get().map(|it| &**it));
    }

    #[inline]
    fn end_span(&mut self, at: Option<SystemTime>) {
        self.state = State::Ended;
        self.is_recording = false;
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

    #[inline]
    pub(super) fn boundary(&self) -> &Boundary {
        boundary_of(self.given.as_ref())
    }
}

/// Whether a span is of its own, and not of its parent: a provider that was shut down gives a span without ids, and a
/// provider without effect gives the parent's span. The context that came in then goes out.
#[inline]
fn is_own(span: &BoxedSpan, parent: &Context) -> bool {
    let span = span.span_context();
    span.is_valid() && span.span_id() != parent.span().span_context().span_id()
}

#[inline]
fn links_of(builder: &SpanBuilder) -> usize {
    builder.links.as_ref().map_or(0, Vec::len)
}

/// The links of a span that OpenTelemetry's SDK keeps by default.
const KEPT_LINKS: usize = 128;

/// Counts the links for which a span that has started has no room.
#[inline]
fn count_links(links: usize, context: &Context) {
    if links > KEPT_LINKS && context.span().span_context().is_sampled() {
        links_dropped((links - KEPT_LINKS) as u64);
    }
}

impl Drop for MessageSpan {
    #[inline]
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
