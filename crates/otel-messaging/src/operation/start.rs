//! The start of an operation on one message: its metrics, its span, and what they say of the message.

use crate::instrumentation::hook::{SpanDetails, SpanHook};
use crate::instrumentation::settings::Settings;
use crate::loss::boundary::text;
use crate::message::attributes::Attributes;
use crate::message::destination::Destination;
use crate::message::endpoint::Endpoint;
use crate::message::info::MessageInfo;
use crate::message::received::{Client, Describe};
use crate::operation::begun::Begun;
use crate::operation::measurement::{Measurement, queue_time};
use crate::operation::probe::{has_provider, wanted};
use crate::operation::related::Related;
use crate::operation::span::MessageSpan;
use crate::operation::traced_span::{self, Opened};
use crate::telemetry::action::{Action, Operation};
use crate::telemetry::exceptions::Reporter;
use crate::telemetry::globals;
use crate::telemetry::instruments::Instruments;
use crate::telemetry::semconv;
use crate::telemetry::span_builder::{Known, SpanName, describe, span_builder};
use opentelemetry::Context;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

/// A message, and what is done with it.
pub(crate) struct Of<'m, M: ?Sized> {
    pub(crate) action: Action,
    pub(crate) message: &'m M,
    /// What the consumer's handle knows. What the producer of an outgoing message knows, the message says.
    pub(crate) consumer: Option<&'m Endpoint>,
    /// The context that came in. It goes out if there is no span.
    pub(crate) context: &'m Context,
}

/// The time of an operation in `context`, if a span, metrics or log events may be wanted of it.
#[inline]
pub(crate) fn wanted_at(by: &Settings, context: &Context) -> Option<SystemTime> {
    if by.telemetry.is_off() || context.is_telemetry_suppressed() {
        return None;
    }
    let now = SystemTime::now();
    globals::refresh(now);
    let is_wanted = has_provider(&by.telemetry)
        || by.metrics.has_provider()
        || by.exceptions.are_logged()
        || traced_span::may_open();
    is_wanted.then_some(now)
}

impl MessageSpan {
    /// Starts the span and the metrics of an operation [at this time](wanted_at), as far as they are wanted. `relate` is
    /// called only if there is a span, and says the same if it is called again. `more` is called only if the span
    /// records: it adds attributes that are not the message's own.
    pub(crate) fn start<'m, C, M>(
        by: &Settings,
        of: &Of<'m, M>,
        now: SystemTime,
        relate: impl Fn(&MessageInfo<'_>) -> Related<'m>,
        more: impl FnOnce(&mut Attributes),
    ) -> Self
    where
        M: Describe<C> + ?Sized,
    {
        let (action, message) = (of.action, of.message);
        let producer = || message.producer_info().map(|info| &info.0);
        let endpoint = of.consumer.or_else(producer);
        // A template is of the sender's destination, which has no queue.
        let template_of = |destination| by.destinations.template_of(destination);
        let (mut template, mut name) = (None, None);
        let opened = if by.telemetry.is_given() {
            Opened::Unwanted
        } else {
            let (template, name) = (&mut template, &mut name);
            traced_span::open(action.operation, move || {
                let destination = message.destination();
                let template = template.insert(template_of(destination));
                let destination = with_queue(destination, endpoint);
                name.insert(SpanName::of(action, &destination, template.as_ref()))
                    .as_str()
            })
        };
        let opened = wanted(opened, &by.telemetry);
        let instruments = by.metrics.instruments::<M::Client>();
        if opened.is_none() && instruments.is_none() && !by.exceptions.are_logged() {
            return Self::without(of.context.clone().into());
        }

        let mut info = message.message_info();
        let template = template.unwrap_or_else(|| template_of(info.destination()));
        if let Some(queue) = queue_of(endpoint) {
            info.set_destination(info.destination().with_queue(queue));
        }
        let known = Known {
            action,
            system: M::Client::SYSTEM,
            info: &info,
            template: template.as_ref(),
            endpoint,
        };
        let is_waiting = action.operation == Operation::Process && info.sent_at().is_some();
        // Metrics use a monotonic clock. Both clocks are read one after the other, so that the span and its
        // metric say the same duration.
        let now = if instruments.is_some() {
            SystemTime::now()
        } else {
            now
        };
        let waited = is_waiting.then(|| queue_time(&info, now)).flatten();
        let measurement = instruments.map(|(instruments, began)| {
            let destination = by.destinations.on_metric(&known);
            let began = (began, Some(now));
            let mut started = Measurement::start(instruments, began, destination, &known);
            started.set_waited(waited);
            started.set_baggage(by.baggage_on_metrics.as_ref(), of.context);
            started
        });
        let reporter = by.exceptions.of::<M::Client>(&known);
        let begun = if let Some(opened) = opened {
            let Related { parent, links } = relate(&info);
            let name_of = || SpanName::of(action, info.destination_ref(), template.as_ref());
            let room = message
                .attribute_room()
                .saturating_add(2 * usize::from(by.has_sizes));
            let builder = span_builder(&known, name.unwrap_or_else(name_of), links, now, room);
            let again = || span_builder(&known, name_of(), relate(&info).links, now, room);
            let describe = |attributes: &mut Attributes| {
                describe_as(action.operation, &known, attributes);
                message.set_attributes(&info, attributes);
                if let Some(time) = waited {
                    attributes.set(semconv::OTEL_MESSAGING_QUEUE_TIME, time.as_secs_f64());
                }
                set_sizes(by, message, attributes);
                more(attributes);
            };
            let by = &by.telemetry;
            Begun::begin::<M::Client>(by, opened, builder, again, &parent, describe)
        } else {
            None
        };
        match begun {
            Some(begun) => {
                let given = by.telemetry.given_tracers();
                let span = Self::open(begun, given, measurement, reporter);
                if by.hook.is_set() {
                    span.describe_by(&by.hook, &known);
                }
                span
            }
            None => {
                // Without a span, what came in goes out.
                let mut span = Self::without(of.context.clone().into());
                span.observe(measurement, reporter);
                span
            }
        }
    }

    /// Starts the metrics of an operation that has no span of its own, and works in `context`. They are
    /// none if no metrics are wanted.
    pub(crate) fn start_measured<C, M>(by: &Settings, of: &Of<'_, M>) -> Self
    where
        M: Describe<C> + ?Sized,
    {
        let endpoint = of.message.producer_info().map(|info| &info.0);
        globals::refresh(SystemTime::now());
        let measurement = by.metrics.instruments::<M::Client>().map(|started| {
            let info = of.message.message_info();
            let mut started = measure::<M::Client>(by, started, of.action, &info, endpoint);
            started.set_baggage(by.baggage_on_metrics.as_ref(), of.context);
            started
        });
        let reporter = if by.exceptions.are_logged() {
            let info = of.message.message_info();
            reporter::<M::Client>(by, of.action, &info, endpoint)
        } else {
            Reporter::default()
        };
        let mut span = Self::without(of.context.clone().into());
        span.observe(measurement, reporter);
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
            describe_as(known.action.operation, known, attributes);
            more(attributes);
        });
        if hook.is_set() {
            self.describe_by(hook, known);
        }
    }

    /// Adds the attributes of the application's hook, if the span records.
    #[inline(never)]
    fn describe_by(&self, hook: &SpanHook, known: &Known<'_>) {
        self.set_attributes(|attributes| {
            let details = SpanDetails {
                action: known.action,
                message: known.info,
                context: self.context(),
            };
            let mut own = Attributes::default();
            if text(|| hook.call(&details, &mut own)).is_some() {
                attributes.append(own);
            }
        });
    }
}

/// Adds what spans of every system have and samplers do not decide by.
#[inline]
fn describe_as(operation: Operation, known: &Known<'_>, attributes: &mut Attributes) {
    // Spans of operation create have no client (conventions for Kafka, "create"), and those of
    // settle do not say what kind of destination it is (conventions for RabbitMQ, "settle").
    let endpoint = known.endpoint.filter(|_| operation != Operation::Create);
    let is_settling = operation == Operation::Settle;
    describe(attributes, known.info, endpoint, !is_settling);
}

/// What logs the failure of an operation on one message that has no span of its own.
pub(crate) fn reporter<C: Client>(
    by: &Settings,
    action: Action,
    info: &MessageInfo<'_>,
    endpoint: Option<&Endpoint>,
) -> Reporter {
    let template = by.destinations.template_of(info.destination());
    let destination = with_queue(info.destination(), endpoint);
    by.exceptions.of::<C>(&Known {
        action,
        system: C::SYSTEM,
        info: &info.clone().with_destination(destination),
        template: template.as_ref(),
        endpoint,
    })
}

/// Starts the metrics of an operation on one message that has no span of its own.
pub(crate) fn measure<C: Client>(
    by: &Settings,
    (instruments, began): (Arc<Instruments>, Instant),
    action: Action,
    info: &MessageInfo<'_>,
    endpoint: Option<&Endpoint>,
) -> Box<Measurement> {
    let template = by.destinations.template_of(info.destination());
    let destination = with_queue(info.destination(), endpoint);
    let known = Known {
        action,
        system: C::SYSTEM,
        info: &info.clone().with_destination(destination),
        template: template.as_ref(),
        endpoint,
    };
    let on_metric = by.destinations.on_metric(&known);
    Measurement::start(instruments, (began, None), on_metric, &known)
}

/// Adds the sizes of a message, if the application wants them.
#[inline]
pub(crate) fn set_sizes<C, M: Describe<C> + ?Sized>(
    by: &Settings,
    message: &M,
    attributes: &mut Attributes,
) {
    if by.has_sizes {
        attributes.set_size(semconv::MESSAGING_MESSAGE_BODY_SIZE, message.body_size());
        let size = message.envelope_size();
        attributes.set_size(semconv::MESSAGING_MESSAGE_ENVELOPE_SIZE, size);
    }
}

/// The destination with the queue that the consumer knows.
#[inline]
pub(crate) fn with_queue<'m>(
    destination: Destination<'m>,
    endpoint: Option<&'m Endpoint>,
) -> Destination<'m> {
    let queue = queue_of(endpoint);
    queue.map_or(destination, |queue| destination.with_queue(queue))
}

#[inline]
fn queue_of(endpoint: Option<&Endpoint>) -> Option<&str> {
    endpoint?.queue.as_deref()
}
