//! Whole contexts that are extracted, by way of the W3C propagators.

use super::counting::{candidates, counting};
use super::reading::OTHERS;
use super::subject::{Entry, Subject, Value};
use super::trial::{Trial, Verdict, same};
use crate::carrier::extractor::CarrierExtractor;
use crate::carrier::headers::Carrier;
use crate::field::name::FIELDS;
use crate::instrumentation::settings::Instrumentation;
use crate::propagation::w3c::W3cPropagator;
use opentelemetry::Context;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::TraceContextExt;

pub(super) const ONE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
pub(super) const TWO: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03";
const BAGGAGE: &str = "tenant=acme%20%C3%BC%25=,user=7;secret;p=1";

type Fields = &'static [(&'static str, &'static str)];

/// The span, its tracestate, the baggage.
pub(super) type Carried = [&'static str; 3];

/// Headers of a sender, and what they carry.
pub(super) const CONTEXTS: [(Fields, Carried); 8] = [
    (&[], ["", "", ""]),
    (&[("traceparent", ONE)], [ONE, "", ""]),
    (&[("Traceparent", TWO)], [TWO, "", ""]),
    (&[("tracestate", "x=1")], ["", "", ""]),
    (
        &[("TRACESTATE", "x=1"), ("TRACEPARENT", ONE)],
        [ONE, "x=1", ""],
    ),
    (&[("baggage", BAGGAGE)], ["", "", DECODED]),
    (
        &[("Baggage", BAGGAGE), ("traceparent", ONE)],
        [ONE, "", DECODED],
    ),
    (
        &[
            ("traceparent", TWO),
            ("tracestate", "t@v=1 2,x=1,y=-"),
            ("baggage", BAGGAGE),
        ],
        [TWO, "t@v=1 2,x=1,y=-", DECODED],
    ),
];
const DECODED: &str = "tenant=acme \u{fc}%=;,user=7;secret;p=1";

pub(super) fn w3c() -> Instrumentation {
    Instrumentation::builder()
        .with_propagator(W3cPropagator::default())
        .build()
}

/// What a context carries, as in [`CONTEXTS`].
fn carried(context: &Context) -> [String; 3] {
    let span = context.span();
    let span = span.span_context();
    let traceparent = if span.is_valid() {
        let (trace_id, span_id) = (span.trace_id(), span.span_id());
        format!(
            "00-{trace_id:032x}-{span_id:016x}-{:02x}",
            span.trace_flags()
        )
    } else {
        String::new()
    };
    let members = context.baggage().iter();
    let mut members: Vec<_> = members
        .map(|(key, (value, properties))| format!("{key}={value};{properties}"))
        .collect();
    members.sort();
    [traceparent, span.trace_state().header(), members.join(",")]
}

pub(super) fn extracted<S: Subject>(headers: &S::Headers, expected: [&str; 3]) -> Verdict {
    let found = carried(&w3c().extract(headers));
    same("what is extracted", found, expected.map(str::to_owned))
}

pub(super) fn entries<'a>(fields: &[(&'a str, &'a str)]) -> Vec<Entry<'a>> {
    let fields = fields.iter();
    fields
        .map(|(name, value)| Entry::text(name, value))
        .collect()
}

pub(super) fn context<S: Subject>(trial: &mut Trial<'_, S>) -> Verdict {
    for (fields, expected) in CONTEXTS {
        for others in [&OTHERS[..0], &OTHERS] {
            let entries = [&entries(fields), others].concat();
            if let Some(headers) = trial.most(&entries) {
                extracted::<S>(&headers, expected)?;
            }
        }
    }
    // Several lines of one list.
    let fields = [
        ("tracestate", "x=1"),
        ("traceparent", ONE),
        ("baggage", "a=1"),
        ("tracestate", "y=2"),
        ("baggage", "b=2"),
    ];
    if let Some(headers) = trial.headers(&entries(&fields)) {
        extracted::<S>(&headers, [ONE, "x=1,y=2", "a=1;,b=2;"])?;
    }
    Ok(())
}

pub(super) fn hostile<S: Subject>(trial: &mut Trial<'_, S>) -> Verdict {
    let spellings = ["traceparent", "Traceparent", "TRACEPARENT"];
    for names in [["traceparent"; 3], spellings] {
        for values in [
            &[ONE, ONE][..],
            &[ONE, ONE, ONE],
            &[ONE, TWO],
            &[ONE, TWO, ONE],
        ] {
            let several = names.iter().zip(values);
            let several: Vec<_> = several.map(|(n, v)| Entry::text(n, v)).collect();
            let Some(headers) = trial.headers(&several) else {
                continue;
            };
            let all = candidates::<S>(&headers, &several, "traceparent");
            let expected = counting::<S>(&all);
            extracted::<S>(&headers, [expected.unwrap_or(""), "", ""])?;
        }
    }
    let one = Entry::text("traceparent", ONE);
    for value in [Value::Null, Value::Bytes(b"\xff"), Value::Other] {
        let broken = FIELDS.map(|name| Entry::new(name, value));
        if let Some(headers) = trial.headers(&broken) {
            extracted::<S>(&headers, ["", "", ""])?;
        }
        for entries in [[broken[0], one], [one, broken[0]], [broken[1], one]] {
            if let Some(headers) = trial.headers(&entries) {
                extracted::<S>(&headers, [ONE, "", ""])?;
            }
        }
    }
    let (dashes, members) = ("-".repeat(64 * 1024), "x=1,".repeat(16 * 1024));
    let malformed = [
        "",
        "00",
        "\u{fc}",
        "\0\r\n",
        &dashes,
        &ONE.to_uppercase(),
        &ONE[1..],
    ];
    for value in malformed {
        if let Some(headers) = trial.headers(&[Entry::text("traceparent", value)]) {
            extracted::<S>(&headers, ["", "", ""])?;
        }
    }
    for value in ["", "\u{fc}", "x", &dashes, &members] {
        if let Some(headers) = trial.headers(&[one, Entry::text("tracestate", value)]) {
            extracted::<S>(&headers, [ONE, "", ""])?;
        }
    }
    Ok(())
}

pub(super) fn extractor<S: Subject>(trial: &mut Trial<'_, S>) -> Verdict {
    let one = Entry::text("traceparent", ONE);
    let list = Entry::text("baggage", "a=1");
    let several = [
        vec![one, one],
        vec![one, Entry::text("traceparent", TWO)],
        vec![one, Entry::text("Traceparent", ONE), list],
        vec![one, list, Entry::text("baggage", "b=2")],
        vec![
            one,
            Entry::text("Tracestate", ""),
            Entry::new("baggage", Value::Null),
        ],
    ];
    for entries in CONTEXTS
        .map(|(fields, _)| entries(fields))
        .into_iter()
        .chain(several)
    {
        let Some(headers) = trial.headers(&entries) else {
            continue;
        };
        let direct = carried(&w3c().extract(&headers));
        let through = CarrierExtractor::new(&headers);
        if headers.get_each(FIELDS).is_some() {
            for name in FIELDS {
                let all: Vec<_> = headers.get_all(name).collect();
                let found = Extractor::get_all(&through, name).unwrap_or_default();
                same(
                    format_args!("get_all({name:?}) of CarrierExtractor"),
                    found,
                    all,
                )?;
            }
        }
        let through = W3cPropagator::default().extract_with_context(&Context::new(), &through);
        let what = "what is extracted through CarrierExtractor";
        same(what, carried(&through), direct)?;
    }
    Ok(())
}
