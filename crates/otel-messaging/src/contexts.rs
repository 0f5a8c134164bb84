//! The contexts in one message's headers, where a field of one stands there more than once.

use crate::carrier::{Carrier, is_name};
use crate::dropped::{Refused, refuse};
use crate::propagation::{
    self, BAGGAGE, FIELDS, TRACEPARENT, TRACESTATE, is_traceparent, span_of, trim,
};
use opentelemetry::trace::SpanContext;

/// More of them are not kept: a remote party chooses how many there are.
const MOST_SENDERS: usize = 8;

/// The fields of one sender, as they came together.
///
/// A carrier that settles on its own which context counts begins with the default, which is empty,
/// and writes its fields.
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
        self.traceparent.is_some_and(is_traceparent)
    }

    /// These fields, and in place of each that is absent, that of `others`.
    ///
    /// This is for headers with one sender and several spellings of a name, of which one counts
    /// before the others.
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

/// What the headers of one message say of its sender; see [`Carrier::contexts`].
///
/// Only a `traceparent` that is valid by the letter of W3C Trace Context names a sender. One that is
/// empty or malformed neither counts beside a valid one nor contradicts it.
///
/// [`Carrier::contexts`]: crate::Carrier::contexts
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Contexts<'a> {
    /// One sender counts, or there is none. The baggage and the tracestate are those that came with
    /// its traceparent.
    One(FieldSet<'a>),
    /// Several senders, at most eight, of which the protocol does not tell the one that counts.
    ///
    /// None of them is believed: the message is handled in a new trace, with a link to each, and
    /// without their baggage.
    Contradicting(Vec<FieldSet<'a>>),
}

impl<'a> Contexts<'a> {
    /// The contexts where the order of headers means nothing: senders that differ contradict each
    /// other. Every line of `tracestate` and `baggage` counts with the only sender; to those that
    /// contradict each other belongs none.
    ///
    /// Values of `traceparent` with the same trace id and the same span id name one sender, even if
    /// their flags or versions differ. Then a sampled one counts before others, and after that the
    /// greatest text, in whichever order they come.
    #[must_use]
    pub fn unordered(
        traceparents: impl IntoIterator<Item = &'a str>,
        tracestate: impl IntoIterator<Item = &'a str>,
        baggage: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let mut malformed = None;
        let mut senders: Vec<(_, _)> = Vec::new();
        for value in traceparents.into_iter().map(trim) {
            let Some((ids, is_sampled)) = span_of(value) else {
                malformed = malformed.or(Some(value).filter(|value| !value.is_empty()));
                continue;
            };
            let said = (is_sampled, value);
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

    /// The newest context where senders add headers behind those that are there, and where names are
    /// case-sensitive, so that the exact name `traceparent` counts before its other spellings.
    ///
    /// `headers` are names and values in the order of the message; in a protocol that does not tell
    /// spellings apart, give the names in lower case. A new set of fields begins where
    /// a field stands there again, as long as a `traceparent` is still to come: of `traceparent`,
    /// `tracestate`, `tracestate`, `traceparent` the latter two are a set. If a field stands in a set
    /// under its exact name and in other spellings, those under the exact name count.
    #[must_use]
    pub fn newest(headers: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let fields = headers.into_iter().filter_map(|(name, value)| {
            let field = Field::of(name)?;
            let is_exact = FIELDS.contains(&name);
            let value = trim(value);
            (!value.is_empty()).then_some((field, is_exact, value))
        });
        let fields: Vec<_> = fields.collect();
        let starts = starts(&fields);
        let ends = starts.iter().skip(1).copied().chain([fields.len()]);
        let mut chosen = (0, &fields[..0]);
        for (start, end) in starts.iter().zip(ends) {
            let set = fields.get(*start..end).unwrap_or_default();
            let sender = set.iter().find(|(field, ..)| *field == Field::Traceparent);
            let rank = match sender {
                Some((_, is_exact, value)) if is_traceparent(value) => 2 + u8::from(*is_exact),
                Some(_) => 1,
                None => 0,
            };
            if rank >= chosen.0 {
                chosen = (rank, set);
            }
        }
        let lines = |wanted| {
            let named = || chosen.1.iter().filter(move |(field, ..)| *field == wanted);
            let has_exact = named().any(|(_, is_exact, _)| *is_exact);
            let lines = named().filter(move |(_, is_exact, _)| *is_exact || !has_exact);
            lines.map(|(_, _, value)| *value)
        };
        Contexts::One(FieldSet {
            traceparent: lines(Field::Traceparent).next(),
            tracestate: without_repetitions(lines(Field::Tracestate)),
            baggage: without_repetitions(lines(Field::Baggage)),
        })
    }
}

/// The contexts of headers in which a field stands more than once. What was refused of them is
/// counted when this is dropped, once for the message.
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
                let is_malformed = |sender: &str| !sender.is_empty() && !is_traceparent(sender);
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
        for sender in sets.iter().filter_map(propagation::sender) {
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

#[derive(Clone, Copy, PartialEq, Eq)]
enum Field {
    Traceparent,
    Tracestate,
    Baggage,
}

impl Field {
    fn of(name: &str) -> Option<Self> {
        let known = [
            (TRACEPARENT, Field::Traceparent),
            (TRACESTATE, Field::Tracestate),
            (BAGGAGE, Field::Baggage),
        ];
        let mut known = known.into_iter();
        known.find_map(|(field, of)| is_name(name.as_bytes(), field).then_some(of))
    }
}

/// Where each set of fields begins. A set without a traceparent is a part of the one before it, or
/// if there is none, of the one behind it.
fn starts(fields: &[(Field, bool, &str)]) -> Vec<usize> {
    let last = fields
        .iter()
        .rposition(|(field, ..)| *field == Field::Traceparent)
        .unwrap_or(0);
    let mut starts = vec![0];
    let mut has = [false; 3];
    for (at, (field, ..)) in fields.iter().enumerate() {
        if has[*field as usize] && at <= last {
            let is_complete = has[Field::Traceparent as usize];
            if is_complete || starts.len() > 1 {
                if !is_complete {
                    starts.pop();
                }
                starts.push(at);
            }
            has = [false; 3];
        }
        has[*field as usize] = true;
    }
    starts
}

/// Equal neighbours count as one: pipelines that append send the same context twice. An empty value
/// is none.
fn without_repetitions<'a>(lines: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let lines = lines.into_iter().map(trim);
    let mut lines: Vec<_> = lines.filter(|line| !line.is_empty()).collect();
    lines.dedup();
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const NEW: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03";

    /// Names and values, by the first letters: `o` and `n` are senders, `O` and `N` in title case, `m`
    /// a malformed one, `t1` a tracestate, `b1` a baggage, `T1` and `B1` in title case.
    fn headers(text: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
        text.split_whitespace().map(|word| match word {
            "o" => ("traceparent", OLD),
            "n" => ("traceparent", NEW),
            "O" => ("Traceparent", OLD),
            "N" => ("Traceparent", NEW),
            "m" => ("traceparent", "nonsense"),
            "e" => ("traceparent", " "),
            _ if word.starts_with('t') => ("tracestate", word),
            _ if word.starts_with('b') => ("baggage", word),
            _ if word.starts_with('T') => ("Tracestate", word),
            _ if word.starts_with('B') => ("Baggage", word),
            _ => (word, word),
        })
    }

    #[test]
    fn the_newest_context_comes_with_its_own_fields() {
        let cases = [
            // What stands there, the sender, its tracestate, its baggage.
            ("", None, "", ""),
            ("b1 b2", None, "", "b1 b2"),
            ("o t1 b1", Some(OLD), "t1", "b1"),
            ("t1 o t2", Some(OLD), "t1 t2", ""),
            ("t1 t2 o", Some(OLD), "t1 t2", ""),
            ("o t1 n t2", Some(NEW), "t2", ""),
            ("t1 o t2 n", Some(NEW), "t2", ""),
            ("o t1 b1 n", Some(NEW), "", ""),
            ("o t1 t2 n", Some(NEW), "t2", ""),
            ("o t1 n t2 t3", Some(NEW), "t2 t3", ""),
            ("o b1 t1 t2 b2 n", Some(NEW), "t2", "b2"),
            ("o t1 t2 t3 n", Some(NEW), "t3", ""),
            ("o n t1", Some(NEW), "t1", ""),
            ("o b1 x b1 y n b2 b2", Some(NEW), "", "b1 b2"),
            ("o b1 o", Some(OLD), "", ""),
            ("n t1 o t2 n t3", Some(NEW), "t3", ""),
            // The exact name counts before its spellings.
            ("n t1 O t2", Some(NEW), "t1", ""),
            ("O t1 n t2", Some(NEW), "t2", ""),
            ("O t1 N t2", Some(NEW), "t2", ""),
            // So it does for each field of one sender.
            ("o B1 b2", Some(OLD), "", "b2"),
            ("o b1 B2 b3", Some(OLD), "", "b1 b3"),
            ("T1 B1 b2 o t2", Some(OLD), "t2", "b2"),
            ("o T1 B1", Some(OLD), "T1", "B1"),
            ("O T1 t2", Some(OLD), "t2", ""),
            ("b1 B2", None, "", "b1"),
            // A malformed context does not count beside another, and an empty value is none.
            ("n t1 m t2", Some(NEW), "t1", ""),
            ("N t1 m t2", Some(NEW), "t1", ""),
            ("n t1 e t2", Some(NEW), "t1 t2", ""),
            ("m t1 b1", Some("nonsense"), "t1", "b1"),
            ("e t1 b1", None, "t1", "b1"),
        ];
        for (text, traceparent, tracestate, baggage) in cases {
            let expected = FieldSet {
                traceparent,
                tracestate: tracestate.split_whitespace().collect(),
                baggage: baggage.split_whitespace().collect(),
            };
            let found = Contexts::newest(headers(text));
            assert_eq!(found, Contexts::One(expected), "{text:?}");
        }
    }

    #[test]
    fn without_an_order_valid_senders_that_differ_contradict_each_other() {
        let of = |senders: &[&'static str]| {
            Contexts::unordered(senders.iter().copied(), ["t1", "t1", "t2"], ["b1"])
        };
        let one = |traceparent| {
            Contexts::One(FieldSet {
                traceparent,
                tracestate: vec!["t1", "t2"],
                baggage: vec!["b1"],
            })
        };
        assert_eq!(of(&[]), one(None));
        assert_eq!(of(&["", " "]), one(None));
        assert_eq!(of(&["", "nonsense", "m"]), one(Some("nonsense")));
        let padded = format!("\t{NEW} ");
        let padded: &'static str = padded.leak();
        assert_eq!(of(&["", padded, "nonsense", NEW]), one(Some(NEW)));
        let alone = |traceparent| FieldSet {
            traceparent: Some(traceparent),
            ..FieldSet::default()
        };
        let both = Contexts::Contradicting(vec![alone(NEW), alone(OLD)]);
        assert_eq!(of(&[NEW, "m", OLD, NEW]), both);
    }

    #[test]
    fn flags_and_versions_that_differ_are_of_one_sender() {
        let ids = &OLD[2..53];
        let values = ["00-00", "00-01", "00-02", "00-03", "cc-02"];
        let value = |said: &str| format!("{}{ids}{}", &said[..2], &said[3..]);
        for (said, expected) in [
            (&[1, 3][..], 3),
            (&[0, 1], 1),
            (&[2, 1], 1),
            (&[0, 2], 2),
            (&[4, 0], 4),
            (&[4, 1, 2], 1),
        ] {
            let lines: Vec<_> = said.iter().map(|at: &usize| value(values[*at])).collect();
            let expected = FieldSet {
                traceparent: Some(&value(values[expected])),
                baggage: vec!["b1"],
                ..FieldSet::default()
            };
            let expected = Contexts::One(expected);
            let forth = lines.iter().map(String::as_str);
            assert_eq!(Contexts::unordered(forth.clone(), [], ["b1"]), expected);
            assert_eq!(Contexts::unordered(forth.rev(), [], ["b1"]), expected);
        }
    }

    #[test]
    fn fields_that_are_absent_are_those_of_others() {
        let set = |traceparent, tracestate: &[&'static str], baggage: &[&'static str]| FieldSet {
            traceparent,
            tracestate: tracestate.to_vec(),
            baggage: baggage.to_vec(),
        };
        let others = set(Some(OLD), &["t1", "t2"], &["b1"]);
        let none = FieldSet::default();
        assert_eq!(none.clone().or(others.clone()), others);
        assert_eq!(others.clone().or(none.clone()), others);
        let malformed = set(Some("m"), &["t3"], &[]);
        let expected = set(Some(OLD), &["t3"], &["b1"]);
        assert_eq!(malformed.clone().or(others.clone()), expected);
        assert_eq!(malformed.clone().or(none), malformed);
        let other = set(Some(NEW), &[], &["b3"]);
        let expected = set(Some(NEW), &["t1", "t2"], &["b3"]);
        assert_eq!(other.or(others), expected);
    }

    #[test]
    fn eight_senders_are_kept() {
        let senders: Vec<_> = (1..=20)
            .map(|span| format!("00-0af7651916cd43dd8448eb211c80319c-{span:016x}-01"))
            .collect();
        let contexts = Contexts::unordered(senders.iter().map(String::as_str), [], []);
        let Contexts::Contradicting(sets) = contexts else {
            panic!("{contexts:?}");
        };
        assert_eq!(sets.len(), 8);
    }
}
