//! Headers with several contexts: whose fields count.

use super::context::{ONE, TWO, entries, extracted};
use super::subject::{Duplicates, Entry, Subject};
use super::trial::{Trial, Verdict, same};
use crate::carrier::headers::Carrier;
use crate::field::sets::Contexts;

type Fields = &'static [(&'static str, &'static str)];

/// The contexts of two senders, and what is carried where the newest counts.
const TWO_SENDERS: [(Fields, [&str; 3]); 5] = [
    (
        &[
            ("traceparent", ONE),
            ("tracestate", "x=1"),
            ("traceparent", TWO),
            ("tracestate", "y=2"),
        ],
        [TWO, "y=2", ""],
    ),
    (
        &[
            ("traceparent", ONE),
            ("tracestate", "x=1"),
            ("tracestate", "y=2"),
            ("traceparent", TWO),
        ],
        [TWO, "y=2", ""],
    ),
    (
        &[
            ("traceparent", ONE),
            ("tracestate", "x=1"),
            ("baggage", "a=1"),
            ("traceparent", TWO),
        ],
        [TWO, "", ""],
    ),
    (
        &[
            ("baggage", "a=1"),
            ("traceparent", ONE),
            ("baggage", "b=2"),
            ("traceparent", TWO),
            ("tracestate", "x=1"),
            ("tracestate", "y=2"),
        ],
        [TWO, "x=1,y=2", "b=2;"],
    ),
    // None of them under the exact name.
    (&[("Traceparent", ONE), ("TRACEPARENT", TWO)], [TWO, "", ""]),
];

pub(super) fn field_sets<S: Subject>(trial: &mut Trial<'_, S>) -> Verdict {
    for (fields, newest) in TWO_SENDERS {
        let Some(headers) = trial.headers(&entries(fields)) else {
            continue;
        };
        match S::DUPLICATES {
            Duplicates::Refused => {
                extracted::<S>(&headers, ["", "", ""])?;
                same(
                    "the list of senders",
                    senders::<S>(&headers),
                    vec![ONE, TWO],
                )?;
            }
            Duplicates::LastCounts if S::ORDERED => extracted::<S>(&headers, newest)?,
            Duplicates::FirstCounts if S::ORDERED => {
                same("the list of senders", senders::<S>(&headers), vec![ONE])?;
            }
            // Which one stands last is the carrier's to say.
            Duplicates::LastCounts | Duplicates::FirstCounts => {}
        }
    }
    // Beside a context, what is none does not count.
    for none in ["", " ", "nonsense"] {
        for names in [["traceparent"; 2], ["Traceparent", "traceparent"]] {
            for values in [[ONE, none], [none, ONE]] {
                let several = names.iter().zip(values);
                let several: Vec<_> = several.map(|(n, v)| Entry::text(n, v)).collect();
                if let Some(headers) = trial.headers(&several) {
                    extracted::<S>(&headers, [ONE, "", ""])?;
                }
            }
        }
    }
    if !S::EXACT_FIRST {
        return Ok(());
    }
    let exact = [("traceparent", TWO), ("baggage", "a=1")];
    let other = [("Traceparent", ONE), ("Tracestate", "x=1")];
    for both in [[exact, other], [other, exact]] {
        if let Some(headers) = trial.headers(&entries(both.as_flattened())) {
            extracted::<S>(&headers, [TWO, "", "a=1;"])?;
        }
    }
    // With one sender too, be it that only some fields stand there twice.
    let exact = [("tracestate", "x=1"), ("baggage", "a=1")];
    let other = [("Tracestate", "x=2"), ("Baggage", "a=1,b=2")];
    let sender = [("traceparent", ONE)];
    for lists in [[exact, other], [other, exact]] {
        let fields = [&sender, lists.as_flattened()].concat();
        if let Some(headers) = trial.headers(&entries(&fields)) {
            extracted::<S>(&headers, [ONE, "x=1", "a=1;"])?;
        }
    }
    let fields = [&sender[..], &other].concat();
    if let Some(headers) = trial.headers(&entries(&fields)) {
        extracted::<S>(&headers, [ONE, "x=2", "a=1;,b=2;"])?;
    }
    Ok(())
}

/// Those to which there is a link.
fn senders<S: Subject>(headers: &S::Headers) -> Vec<&str> {
    let sets = match headers.contexts() {
        Contexts::Contradicting(sets) => sets,
        Contexts::One(set) => vec![set],
    };
    let mut senders: Vec<_> = sets.iter().filter_map(|set| set.traceparent).collect();
    senders.sort_unstable();
    senders
}
