//! The fields of W3C's context among the headers of one message.

use crate::examine::reading::Sender;
use crate::examine::symptom::{Symptom, Symptoms};
use crate::explain::rule::Rule;
use crate::explain::traceparent;
use crate::message::{Header, System, Value};
use otel_messaging::adapter::is_name;

/// More traceparents of one message are not told apart.
const MOST_SENDERS: usize = 8;

const NAMES: [&str; 3] = ["traceparent", "tracestate", "baggage"];

/// What was found of the three fields.
#[derive(Default)]
pub(super) struct Fields<'m> {
    pub(super) symptoms: Symptoms,
    /// The first sender, and its traceparent.
    pub(super) first: Option<(&'m str, Sender)>,
    /// Each sender once.
    senders: [Option<Sender>; MOST_SENDERS],
    /// Whether there are several senders.
    pub(super) contradicts: bool,
    /// The last header that is a traceparent and not empty.
    pub(super) last: Option<usize>,
    pub(super) tracestate: Option<usize>,
    pub(super) baggage: Option<usize>,
    pub(super) has_others: bool,
    pub(super) first_other: Option<usize>,
    /// Of each field: whether it is there in lower case, and where it is in another spelling.
    spellings: [(bool, Option<usize>); 3],
    /// What the fields take, names and values.
    pub(super) bytes: usize,
    /// The first rule that a traceparent breaks, and where.
    pub(super) broken: Option<(Rule, usize)>,
}

impl<'m> Fields<'m> {
    pub(super) fn add(&mut self, place: usize, header: &Header<'m>, system: System) {
        let mut names = NAMES.iter().zip(0..);
        let Some((name, field)) = names.find(|(name, _)| is_name(header.name, name)) else {
            if is_name(header.name, "xraceparent") {
                self.symptoms.add(Symptom::Rewritten, Some(place));
            }
            return;
        };
        let is_lower = header.name == name.as_bytes();
        let text = self.text(place, header.value, system);
        match field {
            0 => self.add_traceparent(place, text, is_lower),
            1 if text == Some("") => self.symptoms.add(Symptom::EmptyTracestate, Some(place)),
            1 => self.tracestate = self.tracestate.or(Some(place)),
            _ => self.baggage = self.baggage.or(Some(place)),
        }
        if field > 0 && text != Some("") {
            self.has_others = true;
            self.first_other = self.first_other.or(Some(place));
        }
        if let Some((has_lower, spelled)) = self.spellings.get_mut(field)
            && text != Some("")
        {
            *has_lower |= is_lower;
            *spelled = spelled.or((!is_lower).then_some(place));
        }
        self.bytes += header.name.len();
        self.bytes += match header.value {
            Value::Text(text) => text.len(),
            Value::Bytes(bytes) => bytes.len(),
            Value::Null | Value::Other(_) => 0,
        };
    }

    /// The text of a value, as otel-messaging reads it.
    fn text(&mut self, place: usize, value: Value<'m>, system: System) -> Option<&'m str> {
        let text = match value {
            Value::Text(text) => Some(text),
            Value::Bytes(bytes) => str::from_utf8(bytes).ok(),
            Value::Null | Value::Other(_) => None,
        };
        match (value, text) {
            (_, None) => self.symptoms.add(Symptom::NotText, Some(place)),
            // AMQP tells text from bytes, and so do its readers.
            (Value::Bytes(_), _) if system == System::RabbitMq => {
                self.symptoms.add(Symptom::Binary, Some(place));
            }
            _ => {}
        }
        text
    }

    fn add_traceparent(&mut self, place: usize, text: Option<&'m str>, is_lower: bool) {
        let Some(text) = text else {
            self.last = Some(place);
            return;
        };
        let inside = text
            .strip_prefix('"')
            .and_then(|text| text.strip_suffix('"'));
        if inside.is_some() {
            self.symptoms.add(Symptom::Quoted, Some(place));
        }
        let text = inside.unwrap_or(text);
        let trimmed = text.trim_matches([' ', '\t']);
        if trimmed.is_empty() {
            return;
        }
        self.last = Some(place);
        if trimmed.len() < text.len() {
            self.symptoms.add(Symptom::Spaces, Some(place));
        }
        if let Some(breach) = traceparent::check(text) {
            self.broken = self.broken.or(Some((breach.rule, place)));
        } else if let Some(sender) = Sender::of(trimmed) {
            self.first = self.first.or(Some((trimmed, sender)));
            self.add_sender(place, sender, is_lower);
        }
    }

    fn add_sender(&mut self, place: usize, sender: Sender, is_lower: bool) {
        let [(has_lower, _), ..] = self.spellings;
        let mut known = self.senders.iter().flatten();
        if known.any(|known| known.is_same_span(sender)) {
            // In another spelling, it is for readers of that spelling.
            if is_lower == has_lower {
                self.symptoms.add(Symptom::Repeated, Some(place));
            }
            return;
        }
        self.contradicts |= self.senders.iter().any(Option::is_some);
        if let Some(free) = self.senders.iter_mut().find(|known| known.is_none()) {
            *free = Some(sender);
        }
    }

    /// Which names are not in lower case. If a field is there in both, most readers find theirs.
    pub(super) fn add_spellings(&self, symptoms: &mut Symptoms) {
        for (has_lower, spelled) in self.spellings {
            match (has_lower, spelled) {
                (_, None) => {}
                (false, place) => symptoms.add(Symptom::Spelling, place),
                // Which of them counts is what the contradiction is about.
                (true, _) if self.contradicts => {}
                (true, place) => symptoms.add(Symptom::BothSpellings, place),
            }
        }
    }
}
