//! The fields of one sender, and the senders that one message names.

use crate::field::space::trim;
use crate::field::{traceparent, tracestate};
use opentelemetry::trace::{SpanContext, TraceState};

/// More of them are not kept: a remote party chooses how many there are.
pub(crate) const MOST_SENDERS: usize = 8;

/// The fields of one sender, as they came together.
///
/// A carrier that decides on its own which context counts begins with the default, which is empty, and
/// sets the fields.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FieldSet<'a> {
    /// The value of `traceparent`, without white space around it.
    pub traceparent: Option<&'a str>,
    /// The lines of `tracestate`, in their order.
    pub tracestate: Vec<&'a str>,
    /// The lines of `baggage`, in their order.
    pub baggage: Vec<&'a str>,
}

impl FieldSet<'_> {
    /// Whether these fields name a sender: by a `traceparent` that is valid.
    #[must_use]
    pub fn has_sender(&self) -> bool {
        self.traceparent.is_some_and(traceparent::is_valid)
    }

    /// The span that these fields name. A tracestate that is malformed is absent, and not counted.
    pub(crate) fn sender(&self) -> Option<SpanContext> {
        let traceparent = self.traceparent?.as_bytes();
        let (trace_id, span_id, flags) = traceparent::parse(traceparent)?;
        let state = tracestate::parse(self.tracestate.iter().copied());
        let state = state.unwrap_or(TraceState::NONE);
        Some(SpanContext::new(trace_id, span_id, flags, true, state))
    }

    /// Fills each absent field from `others`.
    ///
    /// Use it for headers with one sender and several spellings, of which one counts first.
    #[must_use]
    pub fn or(self, others: Self) -> Self {
        let either = |lines: Vec<_>, others| if lines.is_empty() { others } else { lines };
        Self {
            traceparent: match self.traceparent {
                Some(traceparent) if self.has_sender() => Some(traceparent),
                traceparent => others.traceparent.or(traceparent),
            },
            tracestate: either(self.tracestate, others.tracestate),
            baggage: either(self.baggage, others.baggage),
        }
    }
}

/// The contexts of one message; see [`Carrier::contexts`].
///
/// Only a valid `traceparent` names a sender. An empty or malformed one does not count beside a valid
/// one, and does not contradict it.
///
/// [`Carrier::contexts`]: crate::adapter::Carrier::contexts
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Contexts<'a> {
    /// One sender counts, or there is none. The fields are the ones that came with its traceparent.
    One(FieldSet<'a>),
    /// Several senders, at most eight, and the protocol does not say which one counts. The message is
    /// handled in a new trace with a link to each, and without their baggage.
    Contradicting(Vec<FieldSet<'a>>),
}

impl<'a> Contexts<'a> {
    /// The contexts if the order of headers means nothing. Different senders contradict each other. With
    /// one sender, every line of `tracestate` and `baggage` counts. If senders contradict each other, no
    /// line counts.
    ///
    /// Values of `traceparent` with equal trace ids and span ids name one sender, even if their flags or
    /// versions differ. A sampled value counts before others; after that, the greatest text counts. Their
    /// order has no influence.
    #[must_use]
    pub fn unordered(
        traceparents: impl IntoIterator<Item = &'a str>,
        tracestate: impl IntoIterator<Item = &'a str>,
        baggage: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let mut malformed = None;
        let mut senders: Vec<(_, _)> = Vec::new();
        for value in traceparents.into_iter().map(trim) {
            let Some((trace_id, span_id, flags)) = traceparent::parse(value.as_bytes()) else {
                malformed = malformed.or(Some(value).filter(|value| !value.is_empty()));
                continue;
            };
            let (ids, said) = ((trace_id, span_id), (flags.is_sampled(), value));
            if let Some((_, counting)) = senders.iter_mut().find(|(known, _)| *known == ids) {
                *counting = said.max(*counting);
            } else if senders.len() < MOST_SENDERS {
                senders.push((ids, said));
            }
        }
        let mut senders = senders.into_iter().map(|(_, (_, value))| value);
        if senders.len() > 1 {
            let senders = senders.map(|sender| FieldSet {
                traceparent: Some(sender),
                ..FieldSet::default()
            });
            return Contexts::Contradicting(senders.collect());
        }
        Contexts::One(FieldSet {
            traceparent: senders.next().or(malformed),
            tracestate: without_repetitions(tracestate),
            baggage: without_repetitions(baggage),
        })
    }
}

/// Equal neighbours count as one: pipelines that append send the same context twice. An empty value
/// is none.
pub(crate) fn without_repetitions<'a>(lines: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let lines = lines.into_iter().map(trim);
    let mut lines: Vec<_> = lines.filter(|line| !line.is_empty()).collect();
    lines.dedup();
    lines
}
