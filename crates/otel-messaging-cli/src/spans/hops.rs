//! The messages and their spans, counted by hop.

use super::evidence::{Consumer, Evidence, Lone};
use super::finding::{Findings, Seen};
use super::index::Index;
use super::span::Name;
use super::{Joined, Sent};
use crate::report::{Hop, HopState, Hops};
use opentelemetry::TraceId;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What is known of a message.
struct Known {
    /// The producer's service, if its span was exported.
    producer: Option<Name>,
    consumers: BTreeMap<Name, Consumer>,
}

type Key<'s> = (&'s str, Option<Name>, Option<Name>, HopState);

/// Joins the messages that `is_asked` for with the spans.
pub(crate) fn join(
    index: &Index,
    sent: &[Sent],
    is_asked: impl Fn(&Sent) -> bool,
    spans_from: String,
) -> Joined {
    let evidence = Evidence::new(index);
    let asked = sent.iter().enumerate().filter(|(_, sent)| is_asked(sent));
    let messages: Vec<(&Sent, Known)> = asked
        .map(|(position, message)| {
            let known = Known {
                producer: evidence.producer(message).map(|span| span.service),
                consumers: evidence.consumers(position, message),
            };
            (message, known)
        })
        .collect();
    let inferred = inferred(&evidence, &messages);

    let mut hops: BTreeMap<Key<'_>, (u64, Option<TraceId>)> = BTreeMap::new();
    let mut findings = Findings::new(index, &evidence.lone_producers);
    for (message, known) in &messages {
        let nobody = Default::default();
        let lone = inferred.get(message.name());
        let is_lone = known.consumers.is_empty() && message.context.is_some_and(|(.., s)| s);
        let lone = lone.filter(|_| is_lone).unwrap_or(&nobody);
        let trace = message.context.map(|(trace, ..)| trace);
        let mut count = |consumer: Option<Name>, state: HopState| {
            let key = (message.name(), known.producer, consumer, state);
            let hop = hops.entry(key).or_insert((0, trace));
            hop.0 += 1;
        };
        let is_exported = known.producer.is_some();
        for (&service, consumer) in &known.consumers {
            count(Some(service), state(message, is_exported, consumer.state));
        }
        for &service in lone.keys() {
            count(Some(service), HopState::OwnTrace);
        }
        if known.consumers.is_empty() && lone.is_empty() {
            count(None, state(message, is_exported, HopState::NoConsumer));
        }
        findings.see(&Seen {
            message,
            is_exported,
            consumers: &known.consumers,
            lone,
        });
    }

    let name = |name: Option<Name>| {
        name.map(|name| {
            let text = index.names.text(name);
            text.unwrap_or("(service without a name)").to_owned()
        })
    };
    let mut hops: Vec<Hop> = hops
        .into_iter()
        .map(
            |((destination, producer, consumer, state), (messages, trace))| Hop {
                producer: name(producer),
                destination: destination.to_owned(),
                consumer: name(consumer),
                state,
                messages,
                trace_id: trace.map(|trace| trace.to_string()),
            },
        )
        .collect();
    hops.sort_by(|a, b| {
        let by_name = a.destination.cmp(&b.destination);
        by_name.then_with(|| b.messages.cmp(&a.messages))
    });
    Joined {
        hops: Hops {
            spans_from,
            spans: index.read(),
            messages: messages.len() as u64,
            hops,
            notes: Vec::new(),
        },
        findings: findings.finish(),
    }
}

/// The state of a hop, by what was found of its consumer and its producer.
fn state(message: &Sent, is_exported: bool, found: HopState) -> HopState {
    match (message.context, found) {
        (None, _) => HopState::NoContext,
        (Some((.., false)), HopState::NoConsumer) if !is_exported => HopState::Unsampled,
        (_, HopState::Joined | HopState::NoConsumer) if !is_exported => {
            HopState::ProducerNotExported
        }
        _ => found,
    }
}

/// For each destination, the consumers that stand alone there: no span of theirs has to do with one of the messages,
/// but they have spans of the destination in traces of their own, more than messages came without a context.
fn inferred<'s>(
    evidence: &Evidence<'_>,
    messages: &[(&'s Sent, Known)],
) -> HashMap<&'s str, BTreeMap<Name, Lone>> {
    let mut known: HashMap<&str, (BTreeSet<Name>, u64)> = HashMap::new();
    for (message, found) in messages {
        let (services, contextless) = known.entry(message.name()).or_default();
        services.extend(found.consumers.keys());
        *contextless += u64::from(message.context.is_none());
    }
    let mut lone = evidence.lone_consumers();
    known
        .into_iter()
        .filter_map(|(destination, (services, contextless))| {
            let mut lone = lone.remove(destination)?;
            lone.retain(|service, found| !services.contains(service) && found.spans > contextless);
            Some((destination, lone))
        })
        .collect()
}
