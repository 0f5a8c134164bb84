//! Messages that are sent together, with one span for the sending of all.

use crate::context::current::{Current, current_context};
use crate::context::derived::with_baggage_of;
use crate::instrumentation::settings::{Instrumentation, Settings};
use crate::message::attributes::Attributes;
use crate::message::destination::Destination;
use crate::message::info::MessageInfo;
use crate::message::producer_info::ProducerInfo;
use crate::message::received::{Client, Describe};
use crate::message::remote_text;
use crate::operation::related::Related;
use crate::operation::span::MessageSpan;
use crate::operation::start::{Of, wanted_at};
use crate::operation::waiting::Waiting;
use crate::producer::outcome::Outcome;
use crate::producer::tally::{Failed, Tally};
use crate::telemetry::action::{Action, Operation};
use crate::telemetry::semconv;
use crate::telemetry::span_builder::{Known, SpanName, describe, set_partition};
use opentelemetry::trace::{Link, TraceContextExt};
use opentelemetry::{Context, KeyValue};
use std::fmt;
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

/// The attributes that a span takes from what is known of its destination.
const OF_DESTINATION: [&str; 5] = [
    semconv::MESSAGING_DESTINATION_NAME,
    semconv::MESSAGING_DESTINATION_TEMPLATE,
    semconv::MESSAGING_DESTINATION_PARTITION_ID,
    semconv::MESSAGING_DESTINATION_TEMPORARY,
    semconv::MESSAGING_DESTINATION_ANONYMOUS,
];

/// Messages that are sent together. The span of their sending ends when this is dropped: with the
/// producer's handle and the last of the messages.
pub(crate) struct Batch {
    by: Instrumentation,
    action: Action,
    system: &'static str,
    info: ProducerInfo,
    sending: Sending,
    tally: Mutex<Tally>,
}

/// The span of the sending.
enum Sending {
    /// It starts when it ends, because then all its links are known. Messages have spans of their own.
    Waiting(Waiting, End),
    /// All messages carry its context.
    Started(MessageSpan),
    Ended,
}

/// Starts and measures the span of a batch of one client.
type End = fn(Waiting, &Settings, &Known<'_>, Vec<Link>) -> MessageSpan;

fn end<C: Client>(
    waiting: Waiting,
    by: &Settings,
    known: &Known<'_>,
    links: Vec<Link>,
) -> MessageSpan {
    // The messages count themselves.
    waiting.end::<C>(by, known, || links.clone(), 0)
}

impl Batch {
    /// Starts a batch, as a child of the context that is current. `None` if no telemetry is wanted.
    pub(crate) fn start<C: Client>(
        by: &Instrumentation,
        name: &'static str,
        info: &ProducerInfo,
    ) -> Option<Self> {
        let settings = by.settings();
        let operation = if settings.has_create_spans {
            Operation::SendBatch
        } else {
            Operation::Send
        };
        let action = Action { operation, name };
        // A batch does not hold the caller's span open.
        let parent = Current::from(current_context()).without_span();
        let waiting = Waiting::start(settings, action, parent, || action.name)?;
        let sending = if settings.has_create_spans {
            Sending::Waiting(waiting, end::<C>)
        } else {
            let known = Known {
                action,
                system: C::SYSTEM,
                info: &MessageInfo::new(Destination::unknown()),
                template: None,
                endpoint: Some(&info.0),
            };
            Sending::Started(end::<C>(waiting, settings, &known, Vec::new()))
        };
        Some(Self {
            by: by.clone(),
            action,
            system: C::SYSTEM,
            info: info.clone(),
            sending,
            tally: Mutex::default(),
        })
    }

    /// Starts the span of a message of this batch, or only its metrics if it has no span of its own.
    /// `kept` is the context that it has already and keeps, `links` are those to the spans that it came
    /// from. They are made only if a span may have them.
    // Not inlined: most messages are sent without a batch.
    #[inline(never)]
    pub(crate) fn start_message<C, M>(
        self: &Arc<Self>,
        by: &Settings,
        (name, message): (&'static str, &M),
        current: Context,
        links: impl Fn() -> Vec<Link>,
        kept: Option<&Context>,
    ) -> (MessageSpan, Option<Part>)
    where
        M: Describe<C> + ?Sized,
    {
        if by.telemetry.is_off() || current.is_telemetry_suppressed() {
            return (MessageSpan::without(current.into()), None);
        }
        let action = Action {
            operation: Operation::Create,
            name,
        };
        let shared = match &self.sending {
            Sending::Started(span) if span.has_span() => Some(span.context()),
            _ => None,
        };
        let context = match shared {
            Some(shared) if kept.is_none() => with_baggage_of(shared, &current),
            _ => current,
        };
        let of = Of {
            action,
            message,
            consumer: None,
            context: &context,
        };
        let has_own = kept.is_none() && matches!(self.sending, Sending::Waiting(..));
        if !has_own {
            let is_detailed = shared.is_none_or(is_sampled);
            let span = MessageSpan::start_measured(by, &of);
            let links = if self.may_have_span() {
                links()
            } else {
                Vec::new()
            };
            let part = self.part(by, message, links, is_detailed);
            return (span, Some(part.with_baggage(by, &context)));
        }
        let related = |_: &MessageInfo<'_>| Related::child_of(&context, links());
        let Some(now) = wanted_at(by, &context) else {
            return (MessageSpan::without(context.into()), None);
        };
        let span = MessageSpan::start(by, &of, now, related, |_| {});
        let created = span.has_span().then(|| {
            let created = span.context().span().span_context().clone();
            Link::new(created, Vec::new(), 0)
        });
        let is_detailed = span.has_span() && is_sampled(span.context());
        let part = self.part(by, message, created.into_iter().collect(), is_detailed);
        (span, Some(part.with_baggage(by, &context)))
    }

    /// Whether the sending has a span, or may get one at its end.
    fn may_have_span(&self) -> bool {
        match &self.sending {
            Sending::Waiting(waiting, _) => waiting.may_have_span(self.by.settings()),
            Sending::Started(span) => span.has_span(),
            Sending::Ended => false,
        }
    }

    fn part<C, M>(
        self: &Arc<Self>,
        by: &Settings,
        message: &M,
        links: Vec<Link>,
        is_detailed: bool,
    ) -> Part
    where
        M: Describe<C> + ?Sized,
    {
        let info = message.message_info();
        let destination = info.destination();
        let mut attributes = Attributes::default();
        if destination.is_known() {
            let shown = remote_text::shown_of_parts(destination);
            attributes.set(semconv::MESSAGING_DESTINATION_NAME, shown);
        }
        if let Some(template) = by.destinations.template_of(destination) {
            attributes.set(semconv::MESSAGING_DESTINATION_TEMPLATE, template);
        }
        if let Some(partition) = info.partition() {
            set_partition(&mut attributes, partition);
        }
        describe(&mut attributes, &info, None, true);
        if is_detailed {
            message.set_attributes(&info, &mut attributes);
        }
        Part {
            batch: self.clone(),
            links,
            attributes,
            baggage: Vec::new(),
            is_detailed,
            failure: None,
        }
    }

    /// Ends the span of the sending, with what is known of all messages.
    fn end(&mut self) {
        let tally = mem::take(&mut self.tally);
        let mut tally = tally.into_inner().unwrap_or_else(PoisonError::into_inner);
        let sending = mem::replace(&mut self.sending, Sending::Ended);
        let (count, failed, failure) = (tally.count, tally.failed, tally.failure.take());
        let cut_links = tally.cut_links;
        let baggage = mem::take(&mut tally.baggage);
        let (common, links) = tally.into_parts();
        if count == 0 {
            // A span that has not started is none.
            if let Sending::Started(mut span) = sending {
                span.discard_measurement();
            }
            return;
        }
        let by = self.by.settings();
        let common = Common(common);
        let template = common.text(semconv::MESSAGING_DESTINATION_TEMPLATE);
        let template = template.map(Arc::from);
        let partition = common.text(semconv::MESSAGING_DESTINATION_PARTITION_ID);
        let partition = partition.and_then(|id| id.parse().ok());
        let info = MessageInfo::new(common.destination()).with_partition(partition);
        let known = Known {
            action: self.action,
            system: self.system,
            info: &info,
            template: template.as_ref(),
            endpoint: Some(&self.info.0),
        };
        let (mut span, is_started) = match sending {
            Sending::Waiting(waiting, end) => (end(waiting, by, &known, links), true),
            Sending::Started(mut span) => {
                let name = SpanName::of(self.action, info.destination_ref(), template.as_ref());
                span.rename(name.as_str().to_owned().into());
                if let Some(measurement) = span.measurement() {
                    measurement.set_labels(by.destinations.on_metric(&known), &known);
                }
                span.add_links(links);
                (span, false)
            }
            Sending::Ended => return,
        };
        if let Some(measurement) = span.measurement() {
            measurement.set_equal_baggage(baggage);
        }
        span.describe(&by.hook, &known, |attributes| {
            attributes.set_count(semconv::MESSAGING_BATCH_MESSAGE_COUNT, count);
            for KeyValue { key, value, .. } in &common.0 {
                // The start of the span has set the first three, and its description the others.
                let place = OF_DESTINATION.iter().position(|name| *name == key.as_str());
                if place.is_none_or(|place| !is_started && place < 3) {
                    attributes.set_value(key.clone(), value.clone());
                }
            }
        });
        span.count_cut_links(cut_links);
        if let Some((error_type, message)) = failure {
            let of = format_args!("{failed} of {count} messages failed: {message}");
            // The messages that failed have an event each.
            span.mark(error_type, of);
        }
        span.end();
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        self.end();
    }
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch")
            .field("action", &self.action)
            .finish_non_exhaustive()
    }
}

fn is_sampled(context: &Context) -> bool {
    context.span().span_context().is_sampled()
}

/// The attributes that all messages of a batch have with the same value.
struct Common(Vec<KeyValue>);

impl Common {
    fn text(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|it| it.key.as_str() == name)?;
        match &found.value {
            opentelemetry::Value::String(text) => Some(text.as_str()),
            _ => None,
        }
    }

    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|it| it.key.as_str() == name)
    }

    fn destination(&self) -> Destination<'_> {
        let Some(name) = self.text(semconv::MESSAGING_DESTINATION_NAME) else {
            return Destination::unknown();
        };
        if self.has(semconv::MESSAGING_DESTINATION_ANONYMOUS) {
            Destination::anonymous(name)
        } else if self.has(semconv::MESSAGING_DESTINATION_TEMPORARY) {
            Destination::temporary(name)
        } else {
            Destination::named(name)
        }
    }
}

/// A message of a batch, until its answer.
#[derive(Debug)]
pub(crate) struct Part {
    batch: Arc<Batch>,
    links: Vec<Link>,
    attributes: Attributes,
    /// What metrics have of its baggage.
    baggage: Vec<KeyValue>,
    /// Whether a span will show its attributes.
    is_detailed: bool,
    failure: Option<Failed>,
}

impl Part {
    /// Notes what metrics have of its baggage.
    fn with_baggage(mut self, by: &Settings, context: &Context) -> Self {
        if let Some(copied) = &by.baggage_on_metrics {
            self.baggage = copied.on_metrics(context);
        }
        self
    }

    /// Notes the partition that was chosen.
    pub(crate) fn set_partition(&mut self, partition: u32) {
        set_partition(&mut self.attributes, partition);
    }

    /// Notes the outcome.
    pub(crate) fn finish(&mut self, outcome: &Outcome<'_>) {
        match outcome {
            Outcome::Unknown | Outcome::Taken => {}
            Outcome::Accepted(answer) => {
                if self.is_detailed {
                    answer(&mut self.attributes);
                }
            }
            Outcome::Failed {
                error_type,
                message,
            } => {
                let error_type = remote_text::shown_cow(error_type.clone());
                for link in &mut self.links {
                    let error = KeyValue::new(semconv::ERROR_TYPE, error_type.clone());
                    link.attributes.push(error);
                }
                self.failure = Some((error_type, remote_text::shown_of(message)));
            }
        }
    }

    /// Adds the message to its batch: the client was asked to send it.
    pub(crate) fn end(self) {
        let tally = &self.batch.tally;
        let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
        tally.add(self.links, self.attributes.into_list(), self.failure);
        tally.baggage.add(self.baggage);
    }
}

#[cfg(test)]
mod tests;
