//! The hops that the exported spans show: a row for each, and a diagram for each destination.

use super::NAME;
use super::diagram::{Arrow, Diagram, Node};
use crate::report::clean::clean;
use crate::report::tone::Tone;
use crate::report::{Hop, HopState, Hops};
use indicatif::HumanCount as Count;
use std::collections::BTreeSet;

const ROWS: usize = 200;
const DIAGRAMS: usize = 10;

pub(super) struct HopRow {
    pub(super) producer: Option<String>,
    pub(super) destination: String,
    pub(super) consumer: Option<String>,
    pub(super) state: HopState,
    pub(super) tone: Tone,
    pub(super) messages: String,
    pub(super) trace_id: Option<String>,
}

pub(super) fn rows(hops: &Hops) -> Vec<HopRow> {
    let name = |name: &Option<String>| name.as_deref().map(|name| clean(name, NAME));
    let rows = hops.hops.iter().take(ROWS).map(|hop| HopRow {
        producer: name(&hop.producer),
        destination: clean(&hop.destination, NAME),
        consumer: name(&hop.consumer),
        state: hop.state,
        tone: Tone::from(hop.state),
        messages: Count(hop.messages).to_string(),
        trace_id: hop.trace_id.as_deref().map(|id| clean(id, 40)),
    });
    rows.collect()
}

/// How many hops have no row.
pub(super) fn more(hops: &Hops) -> Option<String> {
    let more = hops.hops.len().saturating_sub(ROWS);
    (more > 0).then(|| Count(more as u64).to_string())
}

pub(super) fn diagrams(hops: &Hops) -> Vec<Diagram> {
    let mut destinations: Vec<&str> = Vec::new();
    for hop in &hops.hops {
        if !destinations.contains(&hop.destination.as_str()) && destinations.len() < DIAGRAMS {
            destinations.push(&hop.destination);
        }
    }
    let diagrams = destinations.into_iter().map(|destination| {
        let here = hops
            .hops
            .iter()
            .filter(|hop| hop.destination == destination);
        let here: Vec<&Hop> = here.collect();
        Diagram::new(
            producers(&here),
            &clean(destination, NAME),
            consumers(&here),
        )
    });
    diagrams.collect()
}

fn producers(hops: &[&Hop]) -> Vec<Node> {
    let mut nodes: Vec<Node> = Vec::new();
    for hop in hops {
        let (label, tone) = sent(hop.state);
        let same = hops
            .iter()
            .filter(|each| each.producer == hop.producer && sent(each.state).0 == label);
        let consumers: BTreeSet<_> = same.map(|each| &each.consumer).collect();
        // What two services consume is one message: the sum would count it twice.
        let messages = (consumers.len() == 1).then_some(hop.messages);
        let name = hop
            .producer
            .as_deref()
            .map_or("no span".to_owned(), |name| clean(name, NAME));
        add(&mut nodes, name, label.to_owned(), tone, messages);
    }
    nodes
}

fn consumers(hops: &[&Hop]) -> Vec<Node> {
    let mut nodes = Vec::new();
    for hop in hops {
        let name = hop
            .consumer
            .as_deref()
            .map_or("no span".to_owned(), |name| clean(name, NAME));
        let tone = Tone::from(hop.state);
        add(
            &mut nodes,
            name,
            hop.state.to_string(),
            tone,
            Some(hop.messages),
        );
    }
    nodes
}

fn add(nodes: &mut Vec<Node>, name: String, label: String, tone: Tone, messages: Option<u64>) {
    let index = nodes
        .iter()
        .position(|node| node.name == name)
        .unwrap_or_else(|| {
            nodes.push(Node {
                name,
                arrows: Vec::new(),
            });
            nodes.len() - 1
        });
    let Some(node) = nodes.get_mut(index) else {
        return;
    };
    match node.arrows.iter_mut().find(|arrow| arrow.label == label) {
        Some(arrow) => {
            let both = arrow.messages.zip(messages);
            arrow.messages = both.map(|(one, other)| one.saturating_add(other));
        }
        None => node.arrows.push(Arrow {
            class: tone.class(),
            label,
            messages,
        }),
    }
}

/// What the producer's side of the hop is.
fn sent(state: HopState) -> (&'static str, Tone) {
    match state {
        HopState::NoContext => ("no context", Tone::Bad),
        HopState::ProducerNotExported => ("span not exported", Tone::Bad),
        HopState::Unsampled => ("not sampled", Tone::Quiet),
        HopState::Joined | HopState::OnlyLinked | HopState::OwnTrace | HopState::NoConsumer => {
            ("with a context", Tone::Good)
        }
    }
}
