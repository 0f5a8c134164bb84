//! Whole contexts that are injected, by way of the W3C propagators.

use super::context::{CONTEXTS, Carried, TWO, extracted, w3c};
use super::reading::OTHERS;
use super::subject::{Entry, Subject, Value};
use super::trial::{Trial, Verdict, same};
use crate::carrier::headers::CarrierMut;
use crate::carrier::injector::CarrierInjector;
use crate::field::name::FIELDS;
use crate::propagation::w3c::W3cPropagator;
use opentelemetry::Context;
use opentelemetry::propagation::TextMapPropagator;
use std::collections::BTreeMap;

/// The contexts that can be injected, and what they carry.
fn contexts() -> impl Iterator<Item = (Context, Carried)> {
    CONTEXTS.into_iter().map(|(fields, expected)| {
        let fields = fields.iter();
        let headers: BTreeMap<_, _> = fields
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        (w3c().extract(&headers), expected)
    })
}

pub(super) fn round_trip<S>(trial: &mut Trial<'_, S>) -> Verdict
where
    S: Subject<Headers: CarrierMut<S::Marker>>,
{
    for (context, expected) in contexts() {
        for others in [&OTHERS[..0], &OTHERS] {
            let Some(mut headers) = trial.most(others) else {
                continue;
            };
            trial.then(format_args!("inject({expected:?})"));
            w3c().inject(&context, &mut headers);
            extracted::<S>(&headers, expected)?;
        }
    }
    Ok(())
}

pub(super) fn stale<S>(trial: &mut Trial<'_, S>) -> Verdict
where
    S: Subject<Headers: CarrierMut<S::Marker>>,
{
    let title = ["Traceparent", "Tracestate", "Baggage"];
    let upper = ["TRACEPARENT", "TRACESTATE", "BAGGAGE"];
    let values = [TWO, "old=1", "old=1"];
    let of = |names: [&'static str; 3]| {
        let entries = names.into_iter().zip(values);
        entries.map(|(name, value)| Entry::text(name, value))
    };
    let unreadable = FIELDS.map(|name| Entry::new(name, Value::Bytes(b"\xff")));
    let cases: [Vec<_>; 4] = [
        of(FIELDS).collect(),
        of(title).collect(),
        of(upper)
            .chain(of(title))
            .chain(of(FIELDS))
            .chain(of(FIELDS))
            .collect(),
        unreadable
            .into_iter()
            .chain(of(upper))
            .chain([Entry::new("Baggage", Value::Null)])
            .collect(),
    ];
    for entries in cases {
        for (context, expected) in contexts() {
            let Some(mut headers) = trial.most(&[&entries, &OTHERS[..]].concat()) else {
                continue;
            };
            trial.then(format_args!("inject({expected:?})"));
            w3c().inject(&context, &mut headers);
            for (name, value) in FIELDS.into_iter().zip(expected) {
                let number = trial.named(&headers, name).len();
                let expected = usize::from(!value.is_empty());
                same(
                    format_args!("the number of headers {name:?}"),
                    number,
                    expected,
                )?;
            }
        }
    }
    Ok(())
}

pub(super) fn injector<S>(trial: &mut Trial<'_, S>) -> Verdict
where
    S: Subject<Headers: CarrierMut<S::Marker>>,
{
    for (context, expected) in contexts() {
        let (Some(mut direct), Some(mut through)) = (trial.most(&OTHERS), trial.most(&OTHERS))
        else {
            continue;
        };
        trial.then(format_args!("inject({expected:?})"));
        w3c().inject(&context, &mut direct);
        W3cPropagator::default().inject_context(&context, &mut CarrierInjector::new(&mut through));
        let (direct, through) = (trial.others(&direct, &[]), trial.others(&through, &[]));
        same("what CarrierInjector writes", through, direct)?;
    }
    Ok(())
}
