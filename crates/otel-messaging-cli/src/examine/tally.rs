//! What is counted of the messages of one producer to one destination.

use crate::examine::baggage::{self, Entry};
use crate::examine::example;
use crate::examine::reading::{Reading, W3C};
use crate::examine::symptom::Symptom;
use crate::explain::foreign::Format;
use crate::explain::rule::Rule;
use crate::message::Message;
use crate::report::{BaggageKey, Example, Health, Producer, Sizes};
use opentelemetry::trace::{SpanId, TraceId};
use otel_messaging::adapter::Contexts;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// More keys of baggage are not listed: a remote party chooses how many there are.
const MOST_KEYS: usize = 64;

/// More values of a key are not shown.
const MOST_VALUES: usize = 3;

/// Of a key and of a value of baggage, in characters.
const LONGEST: usize = 100;

#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) messages: u64,
    /// Valid ones that some readers do not join.
    pub(crate) disputed: u64,
    health: [u64; Health::ALL.len()],
    symptoms: [Seen; Symptom::ALL.len()],
    formats: BTreeMap<&'static str, u64>,
    bytes: Bytes,
    baggage: BTreeMap<String, BaggageKey>,
    has_more_keys: bool,
    /// The rules that malformed traceparents break.
    broken: BTreeMap<Rule, u64>,
    /// The sender of the last message that had one.
    last: Option<(TraceId, SpanId)>,
}

/// How often a symptom was seen, and where first.
#[derive(Debug, Default)]
struct Seen {
    messages: u64,
    first: Option<Example>,
}

/// What contexts take, names and values.
#[derive(Debug, Default)]
struct Bytes {
    messages: u64,
    sum: u64,
    least: u64,
    greatest: u64,
}

impl Tally {
    pub(crate) fn add(
        &mut self,
        message: &Message<'_>,
        mut reading: Reading<'_>,
        shows_values: bool,
    ) {
        self.messages += 1;
        self.health[reading.health as usize] += 1;
        if reading.health == Health::Valid && reading.symptoms.is_disputed() {
            self.disputed += 1;
        }
        if let Some(sender) = reading.sender {
            let ids = (sender.trace_id, sender.span_id);
            if self.last.replace(ids) == Some(ids) {
                reading
                    .symptoms
                    .add(Symptom::SameContext, reading.traceparent);
            }
        }
        for (symptom, shown_by) in reading.symptoms.iter() {
            let seen = &mut self.symptoms[symptom as usize];
            seen.messages += 1;
            seen.first
                .get_or_insert_with(|| example::of(message, shown_by, shows_values));
        }
        for foreign in reading.formats.iter() {
            self.count_format(foreign.format.name());
        }
        if reading.has_traceparent {
            self.count_format(W3C);
        }
        if reading.is_structured_event {
            self.count_format(Format::CloudEvents.name());
        }
        if let Some(rule) = reading.broken {
            *self.broken.entry(rule).or_default() += 1;
        }
        if reading.bytes > 0 {
            self.bytes.add(reading.bytes as u64);
        }
        for key in &reading.baggage {
            self.count_key(key);
        }
        if let (true, Contexts::One(set)) = (shows_values, &message.contexts) {
            for entry in baggage::entries(&set.baggage) {
                self.keep_value(&entry);
            }
        }
    }

    fn count_format(&mut self, name: &'static str) {
        *self.formats.entry(name).or_default() += 1;
    }

    fn count_key(&mut self, key: &str) {
        if let Some(counted) = self.baggage.get_mut(key) {
            counted.messages += 1;
            return;
        }
        // A long key is cut, and may be known then.
        let cut = cut(key);
        if self.baggage.len() >= MOST_KEYS && !self.baggage.contains_key(&cut) {
            self.has_more_keys = true;
            return;
        }
        self.baggage.entry(cut).or_default().messages += 1;
    }

    fn keep_value(&mut self, entry: &Entry) {
        let Some(counted) = self.baggage.get_mut(&cut(&entry.key)) else {
            return;
        };
        let value = cut(&entry.value);
        if counted.values.len() < MOST_VALUES && !counted.values.contains(&value) {
            counted.values.push(value);
        }
    }

    /// How many messages show it.
    pub(crate) fn count(&self, symptom: Symptom) -> u64 {
        self.symptoms[symptom as usize].messages
    }

    /// The first message that showed it.
    pub(crate) fn example(&self, symptom: Symptom) -> Option<&Example> {
        self.symptoms[symptom as usize].first.as_ref()
    }

    pub(crate) fn health(&self, health: Health) -> u64 {
        self.health[health as usize]
    }

    /// The formats other than W3C's, those of most messages first.
    pub(crate) fn foreign_formats(&self) -> Vec<&'static str> {
        let mut formats: Vec<_> = self.formats.iter().collect();
        formats.retain(|(name, _)| **name != W3C);
        formats.sort_by_key(|(_, messages)| Reverse(**messages));
        formats.into_iter().map(|(name, _)| *name).collect()
    }

    /// The rules that malformed traceparents break, the most frequent first.
    pub(crate) fn broken_rules(&self) -> Vec<(Rule, u64)> {
        let mut broken: Vec<_> = self.broken.iter().map(|(rule, n)| (*rule, *n)).collect();
        broken.sort_by_key(|(_, messages)| Reverse(*messages));
        broken
    }

    pub(crate) fn largest(&self) -> u64 {
        self.bytes.greatest
    }

    pub(crate) fn baggage_keys(&self) -> impl Iterator<Item = &str> {
        self.baggage.keys().map(String::as_str)
    }

    pub(crate) fn into_producer(self, name: String) -> Producer {
        let health = Health::ALL.map(|health| (health, self.health(health)));
        let symptoms = Symptom::ALL.map(|symptom| (symptom.code(), self.count(symptom)));
        Producer {
            name,
            messages: self.messages,
            health: health.into_iter().filter(|(_, n)| *n > 0).collect(),
            symptoms: symptoms.into_iter().filter(|(_, n)| *n > 0).collect(),
            formats: self.formats,
            context_bytes: self.bytes.sizes(),
            baggage: self.baggage,
            more_baggage_keys: self.has_more_keys,
        }
    }
}

impl Bytes {
    fn add(&mut self, bytes: u64) {
        self.least = if self.messages == 0 {
            bytes
        } else {
            self.least.min(bytes)
        };
        self.greatest = self.greatest.max(bytes);
        self.messages += 1;
        self.sum = self.sum.saturating_add(bytes);
    }

    fn sizes(&self) -> Option<Sizes> {
        (self.messages > 0).then(|| Sizes {
            least: self.least,
            mean: self.sum as f64 / self.messages as f64,
            greatest: self.greatest,
        })
    }
}

fn cut(text: &str) -> String {
    let mut cut: String = text.chars().take(LONGEST).collect();
    if cut.len() < text.len() {
        cut.push('…');
    }
    cut
}
