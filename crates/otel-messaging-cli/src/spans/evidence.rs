//! What the spans say of each message: its producer's span, and its consumers.

use super::Sent;
use super::index::Index;
use super::span::{Name, Role, Span};
use crate::report::HopState;
use std::collections::{BTreeMap, HashMap};

/// Steps up from a consumer's span to the message's context. Spans of a file may be their own ancestors.
const STEPS: usize = 64;

/// The spans, by what they say of the messages.
#[derive(Debug)]
pub(crate) struct Evidence<'i> {
    index: &'i Index,
    /// For each context, the consumers' spans under it and those that link to it.
    of_context: Vec<Vec<u32>>,
    /// The consumers' spans that tell which message they are about.
    of_message: HashMap<usize, Vec<u32>>,
    /// The roots of traces, without links, of consumers and a destination.
    lone_consumers: BTreeMap<(Name, Name), Lone>,
    /// The roots of traces, without links, of a service that sends.
    pub(crate) lone_producers: BTreeMap<Name, Lone>,
}

/// Spans that stand alone.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lone {
    pub(crate) spans: u64,
    /// The trace of one of them.
    pub(crate) trace: u128,
}

/// What is known of one consumer of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Consumer {
    pub(crate) state: HopState,
    /// The trace of its span.
    pub(crate) trace: u128,
}

impl<'i> Evidence<'i> {
    pub(crate) fn new(index: &'i Index) -> Self {
        let mut evidence = Self {
            index,
            of_context: vec![Vec::new(); index.wanted.contexts()],
            of_message: HashMap::new(),
            lone_consumers: BTreeMap::new(),
            lone_producers: BTreeMap::new(),
        };
        for (number, span) in index.iter() {
            evidence.see(number, span);
        }
        for &(number, context) in &index.links {
            let span = index.spans.get(number as usize);
            let consumes =
                span.is_some_and(|span| matches!(span.role, Role::Consumer | Role::Internal));
            if let (true, Some(spans)) = (consumes, evidence.of_context.get_mut(context as usize)) {
                spans.push(number);
            }
        }
        evidence
    }

    fn see(&mut self, number: u32, span: &Span) {
        let is_lone = span.parent == 0 && !span.linked;
        let lone = Lone {
            spans: 0,
            trace: span.trace,
        };
        if span.role == Role::Producer && is_lone {
            self.lone_producers
                .entry(span.service)
                .or_insert(lone)
                .spans += 1;
        }
        let context = match span.role {
            Role::Consumer => self.anchor(span),
            Role::Internal => self.remote_parent(span),
            Role::Producer | Role::Other => None,
        };
        if let Some(spans) = context.and_then(|context| self.of_context.get_mut(context as usize)) {
            spans.push(number);
        }
        if span.role != Role::Consumer {
            return;
        }
        if let Some(message) = span.message {
            let spans = self.of_message.entry(message.index()).or_default();
            spans.push(number);
        } else if is_lone {
            let key = (span.destination, span.service);
            self.lone_consumers.entry(key).or_insert(lone).spans += 1;
        }
    }

    /// The context of a message that a consumer's span descends from, with nothing between them but spans of the same
    /// service, such as a span that received the message before it was processed.
    fn anchor(&self, span: &Span) -> Option<u32> {
        let mut current = span;
        for _ in 0..STEPS {
            let context = self.index.wanted.context(span.trace, current.parent);
            if context.is_some() {
                return context;
            }
            let parent = self.index.find(span.trace, current.parent)?;
            if parent.service != span.service || parent.role == Role::Producer {
                return None;
            }
            current = parent;
        }
        None
    }

    /// The context that is the parent of a span which does not tell what it does, if that came from another service.
    fn remote_parent(&self, span: &Span) -> Option<u32> {
        let context = self.index.wanted.context(span.trace, span.parent)?;
        let parent = self.index.find(span.trace, span.parent)?;
        (parent.service != span.service).then_some(context)
    }

    /// The span whose context a message carries.
    pub(crate) fn producer(&self, message: &Sent) -> Option<&'i Span> {
        let (trace, span) = message.ids()?;
        self.index.find(trace, span)
    }

    /// The consumers of a message, by their services.
    pub(crate) fn consumers(&self, position: usize, message: &Sent) -> BTreeMap<Name, Consumer> {
        let mut consumers = BTreeMap::new();
        let ids = message.ids();
        let context = ids.and_then(|(trace, span)| self.index.wanted.context(trace, span));
        let of_context = context.and_then(|context| self.of_context.get(context as usize));
        for &number in of_context.into_iter().flatten() {
            let span = self.index.spans.get(number as usize);
            let span = span.filter(|span| self.is_about(span, position, message));
            if let (Some(span), Some((trace, _))) = (span, ids) {
                let state = match span.trace == trace {
                    true => HopState::Joined,
                    false => HopState::OnlyLinked,
                };
                note(&mut consumers, span, state);
            }
        }
        for &number in self.of_message.get(&position).into_iter().flatten() {
            if let Some(span) = self.index.spans.get(number as usize) {
                let is_same = ids.is_some_and(|(trace, _)| trace == span.trace);
                let state = match is_same {
                    true => HopState::Joined,
                    false => HopState::OwnTrace,
                };
                note(&mut consumers, span, state);
            }
        }
        consumers
    }

    /// Whether a span that has to do with a message's context is about this message, and not about another one that
    /// carries the same context.
    fn is_about(&self, span: &Span, position: usize, message: &Sent) -> bool {
        if let Some(other) = span.message {
            return other.index() == position;
        }
        let Some(destination) = self.index.names.text(span.destination) else {
            return true;
        };
        let wanted = &self.index.wanted;
        wanted.is_of(destination, &message.destination) || !wanted.has_destination(destination)
    }

    /// Consumers whose spans stand alone, by the report's names of the destinations that these spans tell.
    pub(crate) fn lone_consumers(&self) -> BTreeMap<&str, BTreeMap<Name, Lone>> {
        let mut lone: BTreeMap<&str, BTreeMap<Name, Lone>> = BTreeMap::new();
        for (&(destination, service), found) in &self.lone_consumers {
            let text = self.index.names.text(destination).unwrap_or_default();
            for name in self.index.wanted.names_of(text) {
                let of_name = lone.entry(name).or_default();
                let entry = of_name.entry(service);
                entry.or_insert(Lone { spans: 0, ..*found }).spans += found.spans;
            }
        }
        lone
    }
}

/// Of several spans of one service, the one counts that is nearest to the message's trace.
fn note(consumers: &mut BTreeMap<Name, Consumer>, span: &Span, state: HopState) {
    let found = Consumer {
        state,
        trace: span.trace,
    };
    let best = consumers.entry(span.service).or_insert(found);
    if state < best.state {
        *best = found;
    }
}
