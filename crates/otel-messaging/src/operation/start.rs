//! The start of an operation on one message: its metrics, its span, and what they say of the message.

use crate::instrumentation::hook::{SpanDetails, SpanHook};
use crate::instrumentation::settings::Settings;
use crate::loss::boundary::text;
use crate::message::attributes::Attributes;
use crate::message::destination::Destination;
use crate::message::endpoint::Endpoint;
use crate::message::info::MessageInfo;
use crate::message::received::{Client, Describe};
use crate::operation::measurement::{Measurement, queue_time};
use crate::operation::probe::wanted;
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

impl MessageSpan {
    /// Starts the span and the metrics of an operation, as far as they are wanted. `relate` is called only
    /// if there is a span, and says the same if it is called again. `more` is called only if the span records: it
    /// adds attributes that are not the message's own. `None` if neither is wanted.
    pub(crate) fn start<'m, C, M>(
        by: &Settings,
        of: &Of<'m, M>,
        relate: impl Fn(&MessageInfo<'_>) -> Related<'m>,
        more: impl FnOnce(&mut Attributes),
    ) -> Option<Self>
    where
        M: Describe<C> + ?Sized,
    {
        let (action, message) = (of.action, of.message);
        if by.telemetry.is_off() || of.context.is_telemetry_suppressed() {
            return None;
        }
        let now = SystemTime::now();
        globals::refresh(now);
        let producer = || message.producer_info().map(|info| &info.0);
        let endpoint = of.consumer.or_else(producer);
        let whereto = |destination| {
            // A template is of the sender's destination, which has no queue.
            let template = by.destinations.template_of(destination);
            (with_queue(destination, endpoint), template)
        };
        let (mut there, mut name) = (None, None);
        let opened = if by.telemetry.is_given() {
            Opened::Unwanted
        } else {
            let (there, name) = (&mut there, &mut name);
            traced_span::open(action.operation, move || {
                let (destination, template) = there.insert(whereto(message.destination()));
                name.insert(SpanName::of(action, *destination, template.as_ref()))
                    .as_str()
            })
        };
        let opened = wanted(opened, &by.telemetry);
        let instruments = by.metrics.instruments::<M::Client>();
        if opened.is_none() && instruments.is_none() && !by.exceptions.are_logged() {
            return None;
        }
        let without = || Self::without(of.context.clone().into());

        let mut info = message.message_info();
        let (destination, template) = there.unwrap_or_else(|| whereto(info.destination()));
        info.set_destination(destination);
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
        let Some(opened) = opened else {
            let mut span = without();
            span.observe(measurement, reporter);
            return Some(span);
        };
        let Related { parent, links } = relate(&info);
        let name = name.unwrap_or_else(|| SpanName::of(action, destination, template.as_ref()));
        let mut first = Some((name, links));
        let build = || {
            let again = || {
                let name = SpanName::of(action, destination, template.as_ref());
                (name, relate(&info).links)
            };
            let (name, links) = first.take().unwrap_or_else(again);
            span_builder(&known, name, links, now)
        };
        let described = |attributes: &mut Attributes| {
            describe_as(action.operation, &known, attributes);
            message.set_attributes(&info, attributes);
            if let Some(time) = waited {
                attributes.set(semconv::OTEL_MESSAGING_QUEUE_TIME, time.as_secs_f64());
            }
            set_sizes(by, message, attributes);
            more(attributes);
        };
        let started = Self::started::<M::Client>(&by.telemetry, opened, build, &parent, described);
        // Without a span, what came in goes out.
        let mut span = started.unwrap_or_else(without);
        span.observe(measurement, reporter);
        span.describe_by(&by.hook, &known);
        Some(span)
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
        self.describe_by(hook, known);
    }

    /// Adds the attributes of the application's hook, if there is one and the span records.
    #[inline]
    fn describe_by(&self, hook: &SpanHook, known: &Known<'_>) {
        if !hook.is_set() {
            return;
        }
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
    let queue = endpoint.and_then(|endpoint| endpoint.queue.as_deref());
    queue.map_or(destination, |queue| destination.with_queue(queue))
}
