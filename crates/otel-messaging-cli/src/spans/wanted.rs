//! What spans are looked for: those that say something of the messages.

use super::Sent;
use super::span::{Position, ReadSpan};
use crate::message::{Place, System};
use std::collections::{BTreeSet, HashMap, HashSet};

/// The contexts, destinations and identities of the messages.
#[derive(Debug)]
pub(crate) struct Wanted {
    system: System,
    traces: HashSet<u128>,
    /// Each context, and its number. Several messages may carry the same one.
    contexts: HashMap<(u128, u64), u32>,
    /// Each destination, and the report's name of it.
    destinations: HashMap<String, String>,
    offsets: HashMap<(String, i64, i64), Position>,
    /// `None` for an id that several messages have: it is evidence for none of them.
    ids: HashMap<String, Option<Position>>,
}

impl Wanted {
    pub(crate) fn new(sent: &[Sent], system: System) -> Self {
        let mut wanted = Self {
            system,
            traces: HashSet::new(),
            contexts: HashMap::new(),
            destinations: HashMap::new(),
            offsets: HashMap::new(),
            ids: HashMap::new(),
        };
        for (index, message) in sent.iter().enumerate() {
            let name = || message.name().to_owned();
            wanted
                .destinations
                .entry(message.destination.clone())
                .or_insert_with(name);
            if let Some((trace, span)) = message.ids() {
                wanted.traces.insert(trace);
                let next = u32::try_from(wanted.contexts.len()).unwrap_or(u32::MAX);
                wanted.contexts.entry((trace, span)).or_insert(next);
            }
            let Some(position) = Position::new(index) else {
                continue;
            };
            if let (System::Kafka, Place::Offset { partition, offset }) = (system, message.place) {
                let key = (message.destination.clone(), partition.into(), offset);
                wanted.offsets.insert(key, position);
            }
            if let Some(id) = message.id.as_ref().filter(|id| !id.is_empty()) {
                wanted
                    .ids
                    .entry(id.clone())
                    .and_modify(|of| *of = None)
                    .or_insert(Some(position));
            }
        }
        wanted
    }

    pub(crate) fn contexts(&self) -> usize {
        self.contexts.len()
    }

    pub(crate) fn has_trace(&self, trace: u128) -> bool {
        self.traces.contains(&trace)
    }

    /// The number of a context.
    pub(crate) fn context(&self, trace: u128, span: u64) -> Option<u32> {
        self.contexts.get(&(trace, span)).copied()
    }

    /// The message that a span is about, by its offset or its id.
    pub(crate) fn message(&self, span: &ReadSpan) -> Option<Position> {
        if let (Some(topic), Some(partition), Some(offset)) =
            (&span.destination, span.partition, span.offset)
        {
            let found = self.offsets.get(&(topic.clone(), partition, offset));
            if found.is_some() {
                return found.copied();
            }
        }
        let id = span.message_id.as_ref()?;
        self.ids.get(id).copied().flatten()
    }

    /// Whether a span of this destination may be about one of the messages.
    pub(crate) fn has_destination(&self, of_span: &str) -> bool {
        !self.names_of(of_span).is_empty()
    }

    /// The report's names of the destinations of which a span may be that tells this one.
    pub(crate) fn names_of(&self, of_span: &str) -> BTreeSet<&str> {
        let named = |destination: &str| self.destinations.get(destination).map(String::as_str);
        let mut names: BTreeSet<&str> = named(of_span).into_iter().collect();
        match self.system {
            System::Kafka => {}
            System::RabbitMq => {
                let parts = of_span.split(':').filter(|part| !part.is_empty());
                names.extend(parts.filter_map(named));
            }
            System::Nats if of_span.contains(['*', '>']) => {
                let matching = self
                    .destinations
                    .iter()
                    .filter(|(destination, _)| self.is_of(of_span, destination));
                names.extend(matching.map(|(_, name)| name.as_str()));
            }
            System::Nats => {}
        }
        names
    }

    /// Whether a span tells the destination of a message in one of the ways of its system: RabbitMQ's conventions put
    /// exchange, routing key and queue in one name, and a subscription of NATS may have wildcards.
    pub(crate) fn is_of(&self, of_span: &str, destination: &str) -> bool {
        of_span == destination
            || match self.system {
                System::Kafka => false,
                System::RabbitMq => {
                    !destination.is_empty() && of_span.split(':').any(|part| part == destination)
                }
                System::Nats => matches_subject(of_span, destination),
            }
    }
}

fn matches_subject(pattern: &str, subject: &str) -> bool {
    let mut tokens = subject.split('.');
    for part in pattern.split('.') {
        match (part, tokens.next()) {
            (">", Some(_)) => return true,
            ("*", Some(_)) => {}
            (part, Some(token)) if part == token => {}
            _ => return false,
        }
    }
    tokens.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destination_is_known_by_each_name() {
        for (system, of_span, destination, is_of) in [
            (System::Kafka, "orders", "orders", true),
            (System::Kafka, "orders:eu", "orders", false),
            (System::RabbitMq, "shop:orders.eu:billing", "billing", true),
            (System::RabbitMq, "shop:orders.eu:billing", "shop", true),
            (System::RabbitMq, "shop:orders.eu:billing", "orders", false),
            (System::RabbitMq, ":billing", "", false),
            (System::Nats, "orders.*", "orders.eu", true),
            (System::Nats, "orders.>", "orders.eu.new", true),
            (System::Nats, "orders.>", "orders", false),
            (System::Nats, "orders.*", "orders.eu.new", false),
            (System::Nats, "orders.eu.new", "orders.eu", false),
        ] {
            let wanted = Wanted::new(&[], system);
            assert_eq!(
                wanted.is_of(of_span, destination),
                is_of,
                "{system} {of_span} {destination}"
            );
        }
    }
}
