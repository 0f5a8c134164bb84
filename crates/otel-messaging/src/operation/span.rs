//! The span of one messaging operation, and the context in which it is current.

use crate::context::current::Current;
use crate::context::traced;
use crate::instrumentation::hook::{SpanDetails, SpanHook};
use crate::instrumentation::settings::Settings;
use crate::loss::boundary::{Boundary, count, text};
use crate::loss::catch::Behind;
use crate::loss::row::Step;
use crate::message::attributes::Attributes;
use crate::message::endpoint::Endpoint;
use crate::message::info::MessageInfo;
use crate::message::received::{Client, Describe};
use crate::message::remote_text;
use crate::operation::measurement::{Measurement, queue_time};
use crate::operation::probe::has_provider;
use crate::operation::related::Related;
use crate::operation::traced_span::{self, Opened, Started};
use crate::propagation::random_flag;
use crate::telemetry::action::{Action, Operation};
use crate::telemetry::labels::Labels;
use crate::telemetry::semconv;
use crate::telemetry::span_builder::{Known, SpanName, describe, span_builder};
use crate::telemetry::tracer::{GivenTracers, Telemetry, boundary_of};
use opentelemetry::trace::{Span, SpanBuilder, Status, TraceContextExt};
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

/// A message, and what is done with it.
pub(crate) struct Of<'m, M: ?Sized> {
    pub(crate) action: Action,
    pub(crate) message: &'m M,
    /// What the consumer's handle knows. What the producer of an outgoing message knows, the message says.
    pub(crate) consumer: Option<&'m Endpoint>,
    /// The context that came in. It goes out if there is no span.
    pub(crate) came: &'m Context,
}

impl<'m, M: ?Sized> Of<'m, M> {
    fn endpoint<C>(&self) -> Option<&'m Endpoint>
    where
        M: Describe<C>,
    {
        let producer = || self.message.producer_info().map(|info| &info.0);
        self.consumer.or_else(producer)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// No span was started: the context that came in is current.
    Without,
    Open,
    Ended,
}

impl MessageSpan {
    /// Starts the span and the metrics of an operation, as far as they are wanted. `relate` is called only
    /// if there is a span, and `more` only if it records: it adds attributes that are not the message's own.
    pub(crate) fn start<'m, C, M>(
        by: &Settings,
        of: &Of<'m, M>,
        relate: impl FnOnce(&MessageInfo<'_>) -> Related<'m>,
        more: impl FnOnce(&mut Attributes),
    ) -> Self
    where
        M: Describe<C> + ?Sized,
    {
        let Of {
            action,
            message,
            came,
            ..
        } = *of;
        if by.telemetry.is_off() || came.is_telemetry_suppressed() {
            return Self::without(came.clone().into());
        }
        let endpoint = of.endpoint::<C>();
        let mut destination = message.destination();
        let template = by.destinations.template_of(destination);
        if let Some(queue) = endpoint.and_then(|endpoint| endpoint.queue.as_deref()) {
            destination = destination.with_queue(queue);
        }
        let info = || message.message_info().with_destination(destination);
        let mut known = None;
        let measurement = by.metrics.instruments::<M::Client>().map(|instruments| {
            let info = known.insert(info());
            let system = info.system().unwrap_or(M::Client::SYSTEM);
            let on_metric = by.destinations.on_metric(destination, template.as_ref());
            let mut labels = Labels::new(action, system, on_metric, endpoint);
            if let Some(partition) = info.partition() {
                labels.set_partition(partition);
            }
            Box::new(Measurement::start(instruments, action, labels))
        });

        let mut name = None;
        let opened = if by.telemetry.is_given() {
            Opened::Unwanted
        } else {
            let (name, template) = (&mut name, template.as_ref());
            traced_span::open(action.operation, move || {
                name.insert(SpanName::of(action, destination, template))
                    .as_str()
            })
        };
        let opened = match opened {
            Opened::Span(span) => Some(span),
            Opened::Unwanted if has_provider::<M::Client>(&by.telemetry) => None,
            _ => return Self::without(came.clone().into()).measured(measurement),
        };

        let info = known.unwrap_or_else(info);
        let related = relate(&info);
        let known = Known {
            action,
            system: info.system().unwrap_or(M::Client::SYSTEM),
            info: &info,
            template: template.as_ref(),
            endpoint,
        };
        let name = name.unwrap_or_else(|| SpanName::of(action, destination, template.as_ref()));
        let mut builder = span_builder(&known, name, related.links);
        builder.start_time = measurement.as_ref().map(|it| it.began_at());
        let parent = &related.parent;
        let started = Self::started::<M::Client>(&by.telemetry, opened, builder, parent);
        // Without a span, what came in goes out.
        let span = started.unwrap_or_else(|| Self::without(came.clone().into()));
        let span = span.measured(measurement);
        span.describe(&by.hook, &known, |attributes| {
            message.set_attributes(&info, attributes);
            if action.operation == Operation::Process
                && let Some(time) = queue_time(&info, SystemTime::now())
            {
                attributes.set(semconv::OTEL_MESSAGING_QUEUE_TIME, time.as_secs_f64());
            }
            if by.has_sizes {
                attributes.set_size(semconv::MESSAGING_MESSAGE_BODY_SIZE, message.body_size());
                let size = message.envelope_size();
                attributes.set_size(semconv::MESSAGING_MESSAGE_ENVELOPE_SIZE, size);
            }
            more(attributes);
        });
        span
    }

    /// Adds the attributes that samplers do not see, if the span records: those of every system, `more`,
    /// and the application's own.
    pub(crate) fn describe(
        &self,
        hook: &SpanHook,
        known: &Known<'_>,
        more: impl FnOnce(&mut Attributes),
    ) {
        self.set_attributes(|attributes| {
            describe(attributes, known.info, known.endpoint);
            more(attributes);
            if hook.is_set() {
                let details = SpanDetails {
                    action: known.action,
                    message: known.info,
                    context: self.context(),
                };
                let mut own = Attributes::default();
                if text(|| hook.call(&details, &mut own)).is_some() {
                    attributes.append(own);
                }
            }
        });
    }

    /// Names the span anew.
    pub(crate) fn rename(&self, name: Cow<'static, str>) {
        let span = self.context().span();
        self.boundary()
            .call(Step::DESCRIBE, || span.update_name(name));
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
                span.set_attributes(attributes.into_list());
            }
        });
    }

    #[inline]
    pub(crate) fn current(&self) -> &Current {
        &self.current
    }

    /// The metrics of the operation, if they are recorded.
    pub(crate) fn measurement(&self) -> Option<&Measurement> {
        self.measurement.as_deref()
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
    pub(crate) fn end(&mut self) {
        let measurement = self.measurement.take();
        let took = measurement.as_ref().map(|it| (it.elapsed(), it.began_at()));
        if self.state == State::Open {
            self.state = State::Ended;
            // The metric and the span are to say the same.
            self.end_span(took.and_then(|(took, began)| began.checked_add(took)));
        }
        if let Some((measurement, (took, _))) = measurement.zip(took) {
            measurement.end(took, self.error_type.get());
        }
    }

    fn end_span(&self, at: Option<SystemTime>) {
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
