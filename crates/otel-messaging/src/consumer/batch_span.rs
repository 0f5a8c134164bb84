//! The span and the metrics of a batch, and the contexts of its messages.

use crate::consumer::batch_message::BatchMessage;
use crate::consumer::process::{AsConsumer, PROCESS};
use crate::consumer::several::{InCommon, Senders};
use crate::context::current::Current;
use crate::instrumentation::settings::Settings;
use crate::loss::witness::{self, Seen};
use crate::message::received::{Client, Describe, Received};
use crate::operation::measurement::queue_time;
use crate::operation::reading::warn_of;
use crate::operation::span::MessageSpan;
use crate::operation::start::{measure, reporter, set_sizes};
use crate::operation::waiting::Waiting;
use crate::policy::baggage_attributes::EqualBaggage;
use crate::policy::trust::handled::{decided_of, handled_in, handling_of, with_handled};
use crate::propagation::carried::Carried;
use crate::telemetry::semconv;
use crate::telemetry::span_builder::{Known, SpanName};
use opentelemetry::baggage::BaggageExt;
use std::cell::OnceCell;
use std::time::SystemTime;

/// Reads the contexts once, starts the span and the metrics of the batch, and gives each message its context.
pub(crate) fn process_batch_by<C, I>(
    by: &Settings,
    as_consumer: &AsConsumer<'_>,
    messages: I,
) -> (MessageSpan, Vec<BatchMessage<I::Item>>)
where
    I: IntoIterator<Item: Received<C>>,
{
    let messages: Vec<I::Item> = messages.into_iter().collect();
    let around = Current::here();
    let read = messages
        .iter()
        .map(|message| read(by, as_consumer, message));
    let read: Vec<(Carried, Seen)> = read.collect();
    let around = handled_of(around, &read);
    for (message, (carried, _)) in messages.iter().zip(&read) {
        warn_of(carried, message, around.context());
    }
    let is_logged = by.exceptions.are_logged() && !is_silent(by, &around);
    let started = start(by, as_consumer, &messages, &read, &around);
    let mut span = started.unwrap_or_else(|| MessageSpan::without(around));
    let failures = span.share_failures();
    let batch = messages.into_iter().zip(read);
    let batch = batch.map(|(message, (carried, _))| {
        let current = context_in(span.current(), carried);
        let mut own = MessageSpan::in_batch(current, failures.clone());
        if is_logged {
            let info = message.message_info();
            let endpoint = as_consumer.endpoint;
            own.observe(None, reporter::<Of<C, I>>(by, PROCESS, &info, endpoint));
        }
        BatchMessage::new(message, own)
    });
    let batch = batch.collect();
    (span, batch)
}

/// The client of a batch.
type Of<C, I> = <<I as IntoIterator>::Item as Describe<C>>::Client;

/// The context of the batch, with what was decided about its messages.
fn handled_of(around: Current, read: &[(Carried, Seen)]) -> Current {
    let handled = read
        .iter()
        .flat_map(|(carried, _)| handled_in(&carried.context));
    let handled: Vec<_> = handled.collect();
    if handled.is_empty() {
        around
    } else {
        around.map(|context| with_handled(&context, handled))
    }
}

/// Whether the batch leaves no telemetry.
fn is_silent(by: &Settings, around: &Current) -> bool {
    by.is_disabled || by.telemetry.is_off() || around.context().is_telemetry_suppressed()
}

fn read<C, M: Received<C>>(
    by: &Settings,
    as_consumer: &AsConsumer<'_>,
    message: &M,
) -> (Carried, Seen) {
    if by.is_disabled {
        return (Carried::nothing(), Seen::default());
    }
    witness::watch(|| by.read(message, as_consumer.endpoint))
}

/// The context of a message of a batch. `batch` is the context of the whole.
fn context_in(batch: &Current, carried: Carried) -> Current {
    if carried.has_sender() {
        return carried.context.into();
    }
    let context = &carried.context;
    if context.baggage().is_empty() {
        batch.clone().map(|batch| decided_of(batch, context))
    } else {
        batch.clone().map(|batch| handling_of(&batch, context))
    }
}

/// Starts the span and the metrics of a batch. `None` if neither is wanted, or if the batch is empty.
fn start<C, M: Received<C>>(
    by: &Settings,
    as_consumer: &AsConsumer<'_>,
    messages: &[M],
    read: &[(Carried, Seen)],
    around: &Current,
) -> Option<MessageSpan> {
    if messages.is_empty() || by.is_disabled {
        return None;
    }
    let endpoint = as_consumer.endpoint;
    let in_common = OnceCell::new();
    let in_common = || in_common.get_or_init(|| InCommon::of(messages, by));
    let mut name = None;
    let began = Waiting::start(by, PROCESS, around.clone(), || {
        let in_common = in_common();
        let destination = in_common.info(endpoint).destination();
        let name_of = || SpanName::of(PROCESS, &destination, in_common.template.as_ref());
        name.get_or_insert_with(name_of).as_str()
    })?;
    if !began.is_wanted::<M::Client>(by) {
        return None;
    }
    let in_common = in_common();
    let now = SystemTime::now();
    let known = Known {
        action: PROCESS,
        system: M::Client::SYSTEM,
        info: &in_common.info(endpoint),
        template: in_common.template.as_ref(),
        endpoint,
    };
    let mut equal = Vec::new();
    let links = || {
        let mut senders = Senders::default();
        for (message, (carried, _)) in messages.iter().zip(read) {
            let info = message.message_info();
            let mut attributes = in_common.rest_of(message, &info, endpoint, by);
            if let Some(time) = queue_time(&info, now) {
                attributes.set(semconv::OTEL_MESSAGING_QUEUE_TIME, time.as_secs_f64());
            }
            set_sizes(by, message, &mut attributes);
            if let Some(headers) = message.message_headers() {
                by.captured_headers.set(headers, &mut attributes);
            }
            senders.add(carried.links(), attributes);
        }
        let (links, on_span) = senders.split();
        equal = on_span;
        links
    };
    let mut span = began.end::<M::Client>(by, &known, links, in_common.count);
    if let Some(copied) = &by.baggage_on_metrics
        && let Some(measurement) = span.measurement()
    {
        let mut equal = EqualBaggage::default();
        for (carried, _) in read {
            equal.add(copied.on_metrics(&carried.context));
        }
        measurement.set_equal_baggage(equal);
    }
    span.describe(&by.hook, &known, |attributes| {
        let key = semconv::MESSAGING_BATCH_MESSAGE_COUNT;
        attributes.set_count(key, in_common.count);
        attributes.extend(equal);
    });
    for (message, (carried, seen)) in messages.iter().zip(read) {
        arrived(by, as_consumer, message, (carried, *seen), now);
    }
    Some(span)
}

/// Records the metrics of one message that is there to be handled.
fn arrived<C, M: Received<C>>(
    by: &Settings,
    as_consumer: &AsConsumer<'_>,
    message: &M,
    (carried, seen): (&Carried, Seen),
    now: SystemTime,
) {
    let Some(started) = by.metrics.instruments::<M::Client>() else {
        return;
    };
    let info = message.message_info();
    let mut measurement = measure::<M::Client>(by, started, PROCESS, &info, as_consumer.endpoint);
    measurement.set_waited(queue_time(&info, now));
    measurement.set_baggage(by.baggage_on_metrics.as_ref(), &carried.context);
    measurement.arrived(carried.outcome(seen), seen, as_consumer.is_counted);
    measurement.discard();
}
