//! Findings from messages and their spans.

use super::Sent;
use super::evidence::{Consumer, Lone};
use super::failure_mode::FailureMode;
use super::index::Index;
use super::span::Name;
use crate::report::{Example, Finding, HopState};
use opentelemetry::TraceId;
use std::collections::BTreeMap;

/// Services that a finding names; of more, it tells the number.
const NAMED: usize = 3;

/// A message and what was found of it.
pub(crate) struct Seen<'s> {
    pub(crate) message: &'s Sent,
    /// Whether the producer's span was exported.
    pub(crate) is_exported: bool,
    pub(crate) consumers: &'s BTreeMap<Name, Consumer>,
    /// Consumers that are only supposed to be the message's.
    pub(crate) lone: &'s BTreeMap<Name, Lone>,
}

/// The findings of each destination and producer.
pub(crate) struct Findings<'i> {
    index: &'i Index,
    lone_producers: &'i BTreeMap<Name, Lone>,
    /// Whether a span of any of the messages' traces is there.
    has_traces: bool,
    totals: BTreeMap<(String, String), u64>,
    tallies: BTreeMap<(FailureMode, String, String), Tally>,
}

/// What a finding is written from.
struct Tally {
    messages: u64,
    example: Example,
    /// The trace of the example.
    trace: TraceId,
    /// The services that show it.
    witnesses: BTreeMap<Name, Witness>,
}

/// How a service shows it.
#[derive(Clone, Copy)]
struct Witness {
    /// The trace of one of its spans.
    trace: u128,
    /// The spans that it was inferred from; zero if it is known of the very message.
    spans: u64,
}

impl<'i> Findings<'i> {
    pub(crate) fn new(index: &'i Index, lone_producers: &'i BTreeMap<Name, Lone>) -> Self {
        let mut spans = index.spans.iter();
        Self {
            index,
            lone_producers,
            has_traces: spans.any(|span| index.wanted.has_trace(span.trace)),
            totals: BTreeMap::new(),
            tallies: BTreeMap::new(),
        }
    }

    /// Takes a message into account.
    pub(crate) fn see(&mut self, seen: &Seen<'_>) {
        let message = seen.message;
        let producer = (message.name().to_owned(), message.producer.clone());
        *self.totals.entry(producer).or_default() += 1;
        // What is wrong with a message without a context is seen in its headers.
        let Some((trace, span, is_sampled)) = message.context else {
            return;
        };
        for (mode, witnesses) in self.modes(seen, is_sampled) {
            let key = (mode, message.name().to_owned(), message.producer.clone());
            let flags = u8::from(is_sampled);
            let tally = self.tallies.entry(key).or_insert_with(|| Tally {
                messages: 0,
                example: Example {
                    place: message.place,
                    header: Some(format!("traceparent: 00-{trace}-{span}-{flags:02x}")),
                },
                trace,
                witnesses: BTreeMap::new(),
            });
            tally.messages += 1;
            for (service, witness) in witnesses {
                tally.witnesses.entry(service).or_insert(witness);
            }
        }
    }

    /// What is wrong with a message, and which services show it.
    fn modes(
        &self,
        seen: &Seen<'_>,
        is_sampled: bool,
    ) -> BTreeMap<FailureMode, Vec<(Name, Witness)>> {
        let mut modes: BTreeMap<FailureMode, Vec<(Name, Witness)>> = BTreeMap::new();
        let is_consumed = !seen.consumers.is_empty() || !seen.lone.is_empty();
        let of_producer = match (seen.is_exported, is_sampled, is_consumed) {
            (false, true, _) => Some(FailureMode::ProducerNotExported),
            (false, false, false) => Some(FailureMode::ParentUnsampled),
            (true, _, false) => Some(FailureMode::NoConsumerSpan),
            (_, _, true) => None,
        };
        if let Some(mode) = of_producer {
            modes.entry(mode).or_default();
        }
        for (&service, consumer) in seen.consumers {
            let trace = consumer.trace;
            let certain = Witness { trace, spans: 0 };
            let escaped = self.lone_producers.get(&service);
            let (mode, witness) = match (consumer.state, escaped) {
                (HopState::OwnTrace, _) => (FailureMode::OwnTrace, certain),
                (HopState::OnlyLinked, _) => (FailureMode::OnlyLinked, certain),
                (HopState::Joined, Some(lone)) => (FailureMode::WorkEscaped, lone.into()),
                _ => continue,
            };
            modes.entry(mode).or_default().push((service, witness));
        }
        for (&service, lone) in seen.lone {
            let own = modes.entry(FailureMode::OwnTrace).or_default();
            own.push((service, lone.into()));
        }
        modes
    }

    /// The most severe first, and of these the one of most messages.
    pub(crate) fn finish(self) -> Vec<Finding> {
        let mut findings: Vec<Finding> = self
            .tallies
            .iter()
            .map(|((mode, destination, producer), tally)| {
                let total = self.totals.get(&(destination.clone(), producer.clone()));
                let of = total.copied().unwrap_or(tally.messages);
                Finding {
                    code: mode.code(),
                    symptom: None,
                    severity: mode.severity(),
                    destination: destination.clone(),
                    producer: producer.clone(),
                    messages: tally.messages,
                    of,
                    what: self.what(*mode, tally, of),
                    causes: self.causes(*mode),
                    fix: mode.fix().to_owned(),
                    example: Some(tally.example.clone()),
                }
            })
            .collect();
        findings.sort_by(|a, b| {
            let by_severity = a.severity.cmp(&b.severity);
            by_severity.then_with(|| b.messages.cmp(&a.messages))
        });
        findings
    }

    fn causes(&self, mode: FailureMode) -> Vec<String> {
        let elsewhere = "The spans are of another system, or of another time than the messages: \
            none of them is of a message's trace.";
        let is_elsewhere = mode == FailureMode::ProducerNotExported && !self.has_traces;
        let elsewhere = is_elsewhere.then_some(elsewhere);
        let causes = elsewhere.into_iter().chain(mode.causes().iter().copied());
        causes.map(str::to_owned).collect()
    }

    fn what(&self, mode: FailureMode, tally: &Tally, of: u64) -> String {
        let count = format!("{} of {of} messages", tally.messages);
        let trace = tally.trace;
        let services = self.services(tally);
        let other = tally.witnesses.values().next().map(|witness| witness.trace);
        let other = TraceId::from(other.unwrap_or_default());
        let inferred: u64 = tally.witnesses.values().map(|witness| witness.spans).sum();
        let inferred = match inferred {
            1 => "1 span".to_owned(),
            more => format!("{more} spans"),
        };
        let is_inferred = tally.witnesses.values().all(|witness| witness.spans > 0);
        match mode {
            FailureMode::ProducerNotExported => format!(
                "The spans lack the span that {count} name as their parent, such as the one in trace {trace}."
            ),
            FailureMode::OwnTrace if is_inferred => format!(
                "No span of a consumer has to do with the context of {count}, such as trace {trace}. But {services} \
                 has {inferred} for this destination at the root of a trace, without links, such as trace \
                 {other}. So the consumer seems to begin traces of its own: this is inferred, because these spans do \
                 not tell which message they are for."
            ),
            FailureMode::OwnTrace => format!(
                "The span of {services} for {count} is in a trace of its own, without a link: for a message of trace \
                 {trace}, it is in trace {other}."
            ),
            FailureMode::OnlyLinked => format!(
                "The span of {services} for {count} is in a trace of its own and has a link to the producer's: for a \
                 message of trace {trace}, it is in trace {other}."
            ),
            FailureMode::NoConsumerSpan => format!(
                "The spans have the producer's span of {count}, but no span of a consumer, such as in trace {trace}."
            ),
            FailureMode::WorkEscaped => format!(
                "{services} joins the traces of {count}, such as trace {trace}, but also has {inferred} with which it \
                 sends messages at the root of a trace, such as trace {other}."
            ),
            FailureMode::ParentUnsampled => format!(
                "The context of {count} is not sampled, such as trace {trace}, and neither side exported a span."
            ),
        }
    }

    fn services(&self, tally: &Tally) -> String {
        let count = tally.witnesses.len();
        if count > NAMED {
            return format!("each of {count} services");
        }
        let names = tally.witnesses.keys().map(|&name| {
            let text = self.index.names.text(name);
            text.unwrap_or("a service without a name")
        });
        names.collect::<Vec<_>>().join(", ")
    }
}

impl From<&Lone> for Witness {
    fn from(lone: &Lone) -> Self {
        Self {
            trace: lone.trace,
            spans: lone.spans,
        }
    }
}
