//! The contexts of headers with a field more than once.

use crate::carrier::headers::Carrier;
use crate::field::name::TRACEPARENT;
use crate::field::sets::{Contexts, FieldSet, MOST_SENDERS};
use crate::field::space::trim;
use crate::field::traceparent;
use crate::loss::count::refuse;
use crate::loss::reason::Refused;
use opentelemetry::trace::SpanContext;

/// The contexts of headers with a field more than once. Fields that were refused are counted when this is
/// dropped, once for the message.
#[derive(Debug)]
pub(crate) struct Several<'a> {
    contexts: Contexts<'a>,
    refused: Option<Refused>,
}

impl<'a> Several<'a> {
    pub(crate) fn of<C, H: Carrier<C> + ?Sized>(headers: &'a H) -> Self {
        Self::new(headers.contexts(), headers.get_all(TRACEPARENT))
    }

    /// Of these traceparents without a carrier.
    pub(crate) fn of_lines(traceparents: &[&'a str]) -> Self {
        let lines = || traceparents.iter().copied();
        Self::new(Contexts::unordered(lines(), [], []), lines())
    }

    fn new(contexts: Contexts<'a>, traceparents: impl Iterator<Item = &'a str>) -> Self {
        let refused = match &contexts {
            Contexts::Contradicting(_) => Some(Refused::Contradiction),
            // The only one is refused, and counted, by whoever reads it.
            Contexts::One(set) if !set.has_sender() => None,
            Contexts::One(_) => {
                let mut senders = traceparents.map(trim);
                let is_malformed =
                    |sender: &str| !sender.is_empty() && !traceparent::is_valid(sender);
                senders.any(is_malformed).then_some(Refused::Traceparent)
            }
        };
        Self { contexts, refused }
    }

    /// The one that counts; `None` where they contradict each other.
    pub(crate) fn counting(&self) -> Option<&FieldSet<'a>> {
        match &self.contexts {
            Contexts::One(set) => Some(set),
            Contexts::Contradicting(_) => None,
        }
    }

    /// The lines that count of the field at this place among those of W3C's pair.
    pub(crate) fn lines(&self, place: usize) -> &[&'a str] {
        let Some(set) = self.counting() else {
            return &[];
        };
        match place {
            0 => set.traceparent.as_slice(),
            1 => &set.tracestate,
            _ => &set.baggage,
        }
    }

    /// The senders that contradict each other, each once.
    pub(crate) fn contradicting(&self) -> Vec<SpanContext> {
        let Contexts::Contradicting(sets) = &self.contexts else {
            return Vec::new();
        };
        let mut senders: Vec<SpanContext> = Vec::new();
        for sender in sets.iter().filter_map(FieldSet::sender) {
            let ids = |sender: &SpanContext| (sender.trace_id(), sender.span_id());
            let is_new = senders.iter().all(|known| ids(known) != ids(&sender));
            if is_new && senders.len() < MOST_SENDERS {
                senders.push(sender);
            }
        }
        senders
    }
}

impl Drop for Several<'_> {
    fn drop(&mut self) {
        if let Some(reason) = self.refused {
            refuse(reason);
        }
    }
}
