//! What one message shows of its context.

use crate::examine::fields::Fields;
use crate::examine::symptom::{Symptom, Symptoms};
use crate::explain::foreign::{self, Foreign, Formats};
use crate::explain::rule::Rule;
use crate::explain::{baggage, tracestate};
use crate::message::{Header, Message, System, Value};
use crate::report::Health;
use opentelemetry::trace::{SpanId, TraceId};
use otel_messaging::adapter::Contexts;

/// The name of the format that is none of the others.
pub(crate) const W3C: &str = "W3C Trace Context";

/// A context of more bytes, names and values, is large.
const LARGE: usize = 4096;

/// What one message shows.
pub(crate) struct Reading<'m> {
    pub(crate) health: Health,
    pub(crate) symptoms: Symptoms,
    pub(crate) formats: Formats,
    /// Whether there is a traceparent, of whatever content.
    pub(crate) has_traceparent: bool,
    /// An event of CloudEvents in structured mode, in the message's body.
    pub(crate) is_structured_event: bool,
    /// What the fields of W3C's context take, names and values.
    pub(crate) bytes: usize,
    pub(crate) sender: Option<Sender>,
    /// The place of the traceparent among the headers.
    pub(crate) traceparent: Option<usize>,
    /// The first rule that a malformed traceparent breaks.
    pub(crate) broken: Option<Rule>,
    /// The keys of its baggage.
    pub(crate) baggage: Vec<&'m str>,
}

/// The span that sent a message, as it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sender {
    pub(crate) trace_id: TraceId,
    pub(crate) span_id: SpanId,
    pub(crate) flags: u8,
}

impl Sender {
    /// Of a traceparent that is valid: its digits are in their places.
    pub(super) fn of(traceparent: &str) -> Option<Self> {
        let traceparent = traceparent.trim_matches([' ', '\t']).as_bytes();
        let [high, low] = [3..19, 19..35].map(|digits| traceparent.get(digits).map(number));
        Some(Self {
            trace_id: TraceId::from(u128::from(high?) << 64 | u128::from(low?)),
            span_id: SpanId::from(number(traceparent.get(36..52)?)),
            flags: number(traceparent.get(53..55)?) as u8,
        })
    }

    pub(crate) fn is_sampled(self) -> bool {
        self.flags & 1 != 0
    }

    pub(super) fn is_same_span(self, other: Self) -> bool {
        (self.trace_id, self.span_id) == (other.trace_id, other.span_id)
    }
}

/// Of digits that are known to be hexadecimal and in lower case.
fn number(digits: &[u8]) -> u64 {
    digits.iter().fold(0, |number, digit| {
        let digit = match digit {
            b'0'..=b'9' => digit - b'0',
            _ => digit.wrapping_sub(b'a' - 10),
        };
        number << 4 | u64::from(digit & 15)
    })
}

/// Reads a message's headers. What counts is decided by its client's carrier; the rest are symptoms.
pub(crate) fn read<'m>(message: &Message<'m>, system: System) -> Reading<'m> {
    let mut fields = Fields::default();
    for (place, header) in message.headers.iter().enumerate() {
        fields.add(place, header, system);
    }
    let formats = foreign::formats(&message.headers);
    let mut symptoms = fields.symptoms;
    let is_structured_event = is_structured_event(message);
    let has_other_format = is_structured_event || formats.iter().next().is_some();
    let counting = match &message.contexts {
        Contexts::One(set) => set.traceparent.filter(|_| set.has_sender()),
        _ => None,
    };
    let sender = counting.and_then(|text| match fields.first {
        // Mostly there is one, which was read already.
        Some((first, sender)) if first == text => Some(sender),
        _ => Sender::of(text),
    });
    let is_contradicting =
        fields.contradicts || matches!(message.contexts, Contexts::Contradicting(_));
    let health = if is_contradicting {
        symptoms.add(Symptom::Contradicting, fields.last);
        Health::Contradicting
    } else if sender.is_some() {
        Health::Valid
    } else if fields.last.is_some() {
        Health::Malformed
    } else if has_other_format {
        symptoms.add(Symptom::OtherFormat, None);
        Health::Foreign
    } else if symptoms.has(Symptom::Rewritten) {
        Health::Malformed
    } else {
        symptoms.add(Symptom::Missing, None);
        Health::Missing
    };
    if let Some((_, place)) = fields.broken {
        let symptom = match health {
            Health::Malformed => Symptom::Malformed,
            _ => Symptom::MalformedToo,
        };
        symptoms.add(symptom, Some(place));
    }
    fields.add_spellings(&mut symptoms);
    if fields.last.is_none() && fields.has_others {
        symptoms.add(Symptom::Orphaned, fields.first_other);
    }
    let sender = sender.filter(|_| health == Health::Valid);
    if let Some(sender) = sender {
        add_flags(&mut symptoms, sender, fields.last);
        if has_other_format {
            symptoms.add(Symptom::OtherFormatToo, None);
        }
        if differs(&formats, sender) {
            symptoms.add(Symptom::FormatsDiffer, fields.last);
        }
    }
    if fields.bytes > LARGE {
        symptoms.add(Symptom::Large, fields.first_other);
    }
    let baggage = check_lists(message, &fields, &mut symptoms);
    Reading {
        health,
        symptoms,
        formats,
        has_traceparent: fields.last.is_some(),
        is_structured_event,
        bytes: fields.bytes,
        sender,
        traceparent: fields.last,
        broken: fields.broken.map(|(rule, _)| rule),
        baggage,
    }
}

fn add_flags(symptoms: &mut Symptoms, sender: Sender, traceparent: Option<usize>) {
    // What OpenTelemetry for Go up to 1.46 compares with.
    if sender.flags > 2 {
        symptoms.add(Symptom::Flags03, traceparent);
    }
    if !sender.is_sampled() {
        symptoms.add(Symptom::Unsampled, traceparent);
    }
}

/// Whether another format names another trace.
fn differs(formats: &Formats, sender: Sender) -> bool {
    let mut others = formats.iter().filter_map(Foreign::trace_id);
    others.any(|other| other.contradicts(sender.trace_id))
}

/// The symptoms of the lists, `tracestate` and `baggage`, and the keys of the baggage.
fn check_lists<'m>(
    message: &Message<'m>,
    fields: &Fields<'_>,
    symptoms: &mut Symptoms,
) -> Vec<&'m str> {
    let Contexts::One(set) = &message.contexts else {
        return Vec::new();
    };
    if tracestate::check(set.tracestate.iter().copied()).is_some() {
        symptoms.add(Symptom::MalformedTracestate, fields.tracestate);
    }
    if set.baggage.is_empty() {
        return Vec::new();
    }
    if baggage::check(set.baggage.iter().copied()).is_some() {
        symptoms.add(Symptom::MalformedBaggage, fields.baggage);
    }
    let keys = baggage::keys(set.baggage.iter().copied());
    if !keys.is_empty() {
        symptoms.add(Symptom::Baggage, fields.baggage);
    }
    keys
}

/// Whether the body is an event of CloudEvents with a context: `application/cloudevents+json`.
fn is_structured_event(message: &Message<'_>) -> bool {
    let is_content_type = |header: &&Header<'_>| header.name.eq_ignore_ascii_case(b"content-type");
    let by_header = || match message.headers.iter().find(is_content_type)?.value {
        Value::Text(text) => Some(text),
        _ => None,
    };
    let content_type = message.content_type.or_else(by_header).unwrap_or_default();
    content_type.starts_with("application/cloudevents")
        && message
            .payload
            .windows(b"\"traceparent\"".len())
            .any(|window| window == b"\"traceparent\"")
}

#[cfg(test)]
mod tests;
