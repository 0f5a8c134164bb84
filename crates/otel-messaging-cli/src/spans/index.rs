//! The spans that say something of the messages, in little memory.

use super::names::Names;
use super::span::{Name, ReadSpan, Role, Span};
use super::wanted::Wanted;

/// Spans that are kept. It bounds the index to about 200 MB.
const MOST_SPANS: usize = 4_000_000;
/// Links that are kept, of all spans.
const MOST_LINKS: usize = 4_000_000;

/// An index of spans. A span that is kept takes 52 bytes, and a link to a message's context 8; the names of services and
/// destinations are kept once each.
///
/// These spans are kept: all of a message's trace; each that links to a message's context or tells which of the
/// messages it is about; each consumer's span at the root of a trace, without links, of a destination of the
/// messages; and each producer's span at the root of a trace, without links. Every other span is read and forgotten.
#[derive(Debug)]
pub(crate) struct Index {
    pub(crate) wanted: Wanted,
    pub(crate) names: Names,
    pub(crate) spans: Vec<Span>,
    /// A span, and the number of the context that it links to.
    pub(crate) links: Vec<(u32, u32)>,
    /// The spans, in the order of trace and id: four bytes a span.
    order: Vec<u32>,
    /// How many spans were read, with those that were read twice.
    read: u64,
    /// Whether spans were left out because there are more than it keeps.
    pub(crate) is_full: bool,
    /// Whether something was read that has the form of spans, even if it has no span.
    pub(crate) is_recognised: bool,
    /// When the first and the last of the spans that Jaeger gave began, in microseconds since 1970.
    pub(crate) began: Option<(i64, i64)>,
}

impl Index {
    pub(crate) fn new(wanted: Wanted) -> Self {
        Self {
            wanted,
            names: Names::default(),
            spans: Vec::new(),
            links: Vec::new(),
            order: Vec::new(),
            read: 0,
            is_full: false,
            is_recognised: false,
            began: None,
        }
    }

    /// Takes a span into account. Gives its position if it is kept.
    pub(crate) fn push(&mut self, read: &ReadSpan, service: Name) -> Option<usize> {
        if read.trace == 0 || read.id == 0 {
            return None;
        }
        self.read += 1;
        let contexts: Vec<u32> = read
            .links
            .iter()
            .filter_map(|&(trace, span)| self.wanted.context(trace, span))
            .collect();
        let message = self.wanted.message(read);
        let is_lone_root = read.parent == 0 && read.links.is_empty();
        let is_of_destination = || {
            let destination = read.destination.as_deref();
            destination.is_some_and(|destination| self.wanted.has_destination(destination))
        };
        let is_kept = self.wanted.has_trace(read.trace)
            || !contexts.is_empty()
            || message.is_some()
            || (is_lone_root
                && match read.role {
                    Role::Producer => true,
                    Role::Consumer => is_of_destination(),
                    Role::Internal | Role::Other => false,
                });
        if !is_kept {
            return None;
        }
        if self.spans.len() >= MOST_SPANS || self.links.len() + contexts.len() > MOST_LINKS {
            self.is_full = true;
            return None;
        }
        let position = self.spans.len();
        let number = u32::try_from(position).ok()?;
        self.links
            .extend(contexts.into_iter().map(|context| (number, context)));
        let destination = read.destination.as_deref().unwrap_or_default();
        self.spans.push(Span {
            trace: read.trace,
            id: read.id,
            parent: read.parent,
            service,
            destination: self.names.keep(destination),
            message,
            role: read.role,
            linked: !read.links.is_empty(),
        });
        Some(position)
    }

    /// Names the service of the spans that were kept since `from`, if the file tells it after them.
    pub(crate) fn name_service_since(&mut self, from: usize, service: Name) {
        for span in self.spans.iter_mut().skip(from) {
            span.service = service;
        }
    }

    pub(crate) fn saw_begin(&mut self, micros: i64) {
        let (first, last) = self.began.unwrap_or((micros, micros));
        self.began = Some((first.min(micros), last.max(micros)));
    }

    /// Makes the spans ready for [`find`](Self::find). A span that was read twice stays once.
    pub(crate) fn sort(&mut self) {
        let count = u32::try_from(self.spans.len()).unwrap_or(u32::MAX);
        let mut order = std::mem::take(&mut self.order);
        order.clear();
        order.extend(0..count);
        order.sort_by_key(|&number| self.key(number));
        order.dedup_by_key(|number| self.key(*number));
        self.order = order;
    }

    /// How many spans were read; of those that are kept, each once.
    pub(crate) fn read(&self) -> u64 {
        let twice = self.spans.len().saturating_sub(self.order.len());
        self.read.saturating_sub(twice as u64)
    }

    fn key(&self, number: u32) -> (u128, u64) {
        self.spans
            .get(number as usize)
            .map_or((0, 0), |span| (span.trace, span.id))
    }

    /// The span of a context.
    pub(crate) fn find(&self, trace: u128, id: u64) -> Option<&Span> {
        let found = self
            .order
            .binary_search_by_key(&(trace, id), |&number| self.key(number));
        let number = *self.order.get(found.ok()?)?;
        self.spans.get(number as usize)
    }

    /// Every span once.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &Span)> {
        self.order
            .iter()
            .filter_map(|&number| Some((number, self.spans.get(number as usize)?)))
    }
}
