//! A destination: its producers, what their contexts take, and which baggage leaves with them.

use super::NAME;
use super::bar::{self, Bar};
use super::diagram::{Arrow, Diagram, Node};
use crate::report::clean::{self, clean};
use crate::report::sentence::messages;
use crate::report::{Destination, Health, Producer, Share};
use indicatif::HumanCount as Count;
use std::collections::BTreeMap;

/// How many producers are shown before the rest has to be opened.
const FIRST: usize = 15;
/// How many keys of baggage and how many diagrams there are.
const KEYS: usize = 200;
const DIAGRAMS: usize = 10;
const VALUES: usize = 5;

pub(super) struct DestinationPart {
    pub(super) name: String,
    pub(super) messages: String,
    pub(super) first: Vec<ProducerRow>,
    pub(super) rest: Vec<ProducerRow>,
    pub(super) contexts: Vec<ContextRow>,
    pub(super) baggage: Vec<BaggageRow>,
    pub(super) has_values: bool,
    pub(super) more_keys: bool,
}

pub(super) struct ProducerRow {
    pub(super) name: String,
    pub(super) messages: String,
    pub(super) valid: String,
    pub(super) bar: Bar,
}

pub(super) struct ContextRow {
    pub(super) producer: String,
    /// Least, mean and greatest.
    pub(super) sizes: Option<[String; 3]>,
    pub(super) formats: String,
    pub(super) symptoms: String,
}

pub(super) struct BaggageRow {
    pub(super) key: String,
    pub(super) messages: String,
    pub(super) producers: String,
    pub(super) values: String,
}

impl DestinationPart {
    pub(super) fn of(destination: &Destination) -> Self {
        let producers = &destination.producers;
        let mut rows: Vec<ProducerRow> = producers.iter().map(producer_row).collect();
        let rest = rows.split_off(FIRST.min(rows.len()));
        let baggage = baggage(producers);
        let sum = producers
            .iter()
            .fold(0, |sum: u64, each| sum.saturating_add(each.messages));
        Self {
            name: clean(&destination.name, NAME),
            messages: messages(sum),
            first: rows,
            rest,
            contexts: producers.iter().filter_map(context_row).collect(),
            has_values: baggage.iter().any(|row| !row.values.is_empty()),
            more_keys: baggage.len() > KEYS || producers.iter().any(|each| each.more_baggage_keys),
            baggage: baggage.into_iter().take(KEYS).collect(),
        }
    }
}

fn producer_row(producer: &Producer) -> ProducerRow {
    let valid = producer.health.get(&Health::Valid).copied();
    let share = Share {
        of: producer.messages,
        valid: valid.unwrap_or(0),
    };
    ProducerRow {
        name: clean::producer(&producer.name, NAME),
        messages: messages(producer.messages),
        valid: share.rounded(),
        bar: Bar::of(&producer.health),
    }
}

fn context_row(producer: &Producer) -> Option<ContextRow> {
    let counted = |counts: &BTreeMap<&'static str, u64>| {
        let words: Vec<String> = counts
            .iter()
            .map(|(name, count)| format!("{} {}", name, Count(*count)))
            .collect();
        words.join(", ")
    };
    let row = ContextRow {
        producer: clean::producer(&producer.name, NAME),
        sizes: producer.context_bytes.map(|sizes| {
            let mean = sizes.mean.round() as u64;
            [sizes.least, mean, sizes.greatest].map(|bytes| Count(bytes).to_string())
        }),
        formats: counted(&producer.formats),
        symptoms: counted(&producer.symptoms),
    };
    let has_any = row.sizes.is_some() || !row.formats.is_empty() || !row.symptoms.is_empty();
    has_any.then_some(row)
}

/// By key, those that most messages carry first.
fn baggage(producers: &[Producer]) -> Vec<BaggageRow> {
    let mut keys: BTreeMap<&str, (u64, u64, Vec<&str>)> = BTreeMap::new();
    for (key, entry) in producers.iter().flat_map(|producer| &producer.baggage) {
        let (messages, count, values) = keys.entry(key).or_default();
        *messages = messages.saturating_add(entry.messages);
        *count += 1;
        for value in &entry.values {
            if values.len() < VALUES && !values.contains(&value.as_str()) {
                values.push(value);
            }
        }
    }
    let mut keys: Vec<_> = keys.into_iter().collect();
    keys.sort_by_key(|(_, (messages, ..))| std::cmp::Reverse(*messages));
    let rows = keys
        .into_iter()
        .take(KEYS + 1)
        .map(|(key, (messages, producers, values))| {
            let values: Vec<String> = values.into_iter().map(|value| clean(value, 80)).collect();
            BaggageRow {
                key: clean(key, NAME),
                messages: Count(messages).to_string(),
                producers: Count(producers).to_string(),
                values: values.join(", "),
            }
        });
    rows.collect()
}

/// Without spans nothing is known of consumers: an arrow for each health of a producer.
pub(super) fn diagrams(destinations: &[Destination]) -> Vec<Diagram> {
    let some = destinations
        .iter()
        .filter(|destination| !destination.producers.is_empty());
    let diagrams = some.take(DIAGRAMS).map(|destination| {
        let nodes = destination.producers.iter().map(|producer| Node {
            name: clean::producer(&producer.name, NAME),
            arrows: producer
                .health
                .iter()
                .filter(|(_, count)| **count > 0)
                .map(|(health, count)| Arrow {
                    class: bar::class(*health),
                    label: health.to_string(),
                    messages: Some(*count),
                })
                .collect(),
        });
        Diagram::new(nodes.collect(), &clean(&destination.name, NAME), Vec::new())
    });
    diagrams.collect()
}
