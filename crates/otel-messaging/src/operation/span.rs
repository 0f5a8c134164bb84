//! The span of one messaging operation, and the context in which it is current.

use crate::context::current::Current;
use crate::loss::boundary::Boundary;
use crate::loss::count::links_dropped;
use crate::loss::row::Step;
use crate::message::attributes::Attributes;
use crate::message::remote_text;
use crate::operation::begun::{Begun, count_links};
use crate::operation::failures::Failures;
use crate::operation::measurement::Measurement;
use crate::telemetry::exceptions::Reporter;
use crate::telemetry::semconv;
use crate::telemetry::tracer::{GivenTracers, boundary_of};
use opentelemetry::trace::{Link, Status, TraceContextExt};
use opentelemetry::{Context, KeyValue};
use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, OnceLock};

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
    pub(super) current: Current,
    pub(super) state: State,
    /// Whether it records attributes. It is asked once, because each question locks the span.
    pub(super) is_recording: bool,
    /// Whose span it is, if not the global provider's.
    given: Option<Arc<GivenTracers>>,
    /// Its metrics, if there is a meter provider, until its end.
    pub(super) measurement: Option<Box<Measurement>>,
    /// What logs its failure, if the application wants that.
    reporter: Reporter,
    /// What few spans have.
    pub(super) seldom: OnceLock<Box<Seldom>>,
}

/// What few spans have. Work that failed has it, and so have batches, and deliveries that a span may settle.
#[derive(Default)]
pub(super) struct Seldom {
    /// The `error.type` of its failure, also where the span does not record it.
    error_type: OnceLock<Cow<'static, str>>,
    /// The failures of its batch, which mark the batch's span at its end.
    failures: Option<Arc<Failures>>,
    /// The delivery whose handling it is, if it may not be settled at the end.
    pub(super) left_open: Option<Arc<dyn LeftOpen>>,
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
        self.change_seldom(|seldom| seldom.left_open = Some(left_open));
        self
    }

    fn change_seldom(&mut self, change: impl FnOnce(&mut Seldom)) {
        let mut seldom = self.seldom.take().unwrap_or_default();
        change(&mut seldom);
        self.seldom = seldom.into();
    }

    /// With what is recorded and logged beside the span. `given`: whose it is, if not the global provider's.
    #[inline]
    pub(crate) fn open(
        begun: Begun,
        given: Option<&Arc<GivenTracers>>,
        measurement: Option<Box<Measurement>>,
        reporter: Reporter,
    ) -> Self {
        Self {
            current: begun.current,
            state: State::Open,
            is_recording: begun.is_recording,
            given: given.cloned(),
            measurement,
            reporter,
            seldom: OnceLock::new(),
        }
    }

    #[inline]
    pub(super) fn new(current: Current, state: State) -> Self {
        Self {
            current,
            state,
            is_recording: false,
            given: None,
            measurement: None,
            reporter: Reporter::default(),
            seldom: OnceLock::new(),
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
        self.seldom.get()?.failures.as_ref()
    }

    pub(super) fn set_failures(&mut self, failures: Arc<Failures>) {
        self.change_seldom(|seldom| seldom.failures = Some(failures));
    }

    pub(super) fn take_failures(&mut self) -> Option<Arc<Failures>> {
        self.seldom.get_mut()?.failures.take()
    }

    /// Whether a failure is noted already, so that a later one changes nothing.
    fn has_failed(&self) -> bool {
        match self.failures() {
            Some(failures) if self.state != State::InBatch => failures.first().is_some(),
            _ => self.error_type().is_some(),
        }
    }

    /// Notes a failure. Returns whether it is the first of its message, or marks the span.
    fn note(&self, error_type: Cow<'static, str>, description: impl fmt::Display) -> bool {
        let Some(failures) = self.failures() else {
            return self.mark(error_type, description);
        };
        let is_of_message = self.state == State::InBatch;
        if is_of_message && !self.set_error_type(error_type.clone()) {
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
        if !self.set_error_type(error_type) {
            return false;
        }
        if !self.is_recording {
            return true;
        }
        self.boundary().call(Step::DESCRIBE, || {
            let span = self.context().span();
            if let Some(error_type) = self.error_type() {
                let error_type = error_type.clone();
                span.set_attribute(KeyValue::new(semconv::ERROR_TYPE, error_type));
            }
            span.set_status(Status::error(remote_text::shown_of(description)));
        });
        true
    }

    /// The `error.type` of its failure, if it failed.
    pub(crate) fn error_type(&self) -> Option<&Cow<'static, str>> {
        self.seldom.get()?.error_type.get()
    }

    /// Returns whether there was none yet.
    fn set_error_type(&self, error_type: Cow<'static, str>) -> bool {
        let seldom = self.seldom.get_or_init(Box::default);
        seldom.error_type.set(error_type).is_ok()
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

    #[inline]
    pub(super) fn boundary(&self) -> &Boundary {
        boundary_of(self.given.as_ref())
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
