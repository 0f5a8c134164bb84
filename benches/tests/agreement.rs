//! The ways that are compared do the same work.

use benches::bound;
use benches::case::{Column, Malformed, Work, calls, cells, growing, rows};
use benches::client::{Amqp, Client, Kafka, Nats};
use benches::sample::{Carried, Entries, TRACEPARENT, entry, others};
use opentelemetry::Context;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use otel_messaging::adapter::CarrierMut;
use otel_messaging::{Instrumentation, propagation};

const SPAN: Carried = Carried {
    span: true,
    random: false,
    state: 0,
    baggage: 0,
};

fn ours() -> Instrumentation {
    Instrumentation::builder()
        .with_propagator(propagation::w3c())
        .build()
}

/// What a context carries, comparable.
fn content(context: &Context) -> (SpanContext, Entries) {
    let mut members: Vec<_> = context
        .baggage()
        .iter()
        .map(|(key, (value, properties))| (key.to_string(), format!("{value};{properties}")))
        .collect();
    members.sort();
    (context.span().span_context().clone(), members)
}

fn inject<C: Client>(carried: Carried) {
    let context = carried.context();
    let mut headers = C::Headers::default();
    ours().inject(&context, &mut headers);
    let expected = C::entries(&C::received(&carried.entries()));
    assert_eq!(C::entries(&headers), expected, "{carried:?}");
    assert_eq!(
        C::entries(&C::inject_by_hand(&context)),
        expected,
        "{carried:?}"
    );
}

fn extract<C: Client>(entries: &Entries) -> Context {
    let headers = C::received(entries);
    let context = ours().extract(&headers);
    let by_hand = C::extract_by_hand(&headers);
    assert_eq!(content(&by_hand), content(&context), "{entries:?}");
    context
}

fn all<C: Client>() {
    for row in rows() {
        match row.work {
            Work::Inject(carried) => inject::<C>(carried),
            Work::Extract(carried, count) => {
                let mut entries = carried.entries();
                entries.extend(others(count));
                let context = extract::<C>(&entries);
                assert_eq!(
                    content(&context),
                    content(&carried.context()),
                    "{}",
                    row.name
                );
            }
            Work::Refuse(Malformed::Contradiction) => {
                let what = Malformed::Contradiction;
                let good = content(&extract::<C>(&what.good())).0;
                assert!(good.is_valid());
                // The exact name counts on AMQP and Kafka; nowhere is it the other one.
                let bad = content(&extract::<C>(&what.bad())).0;
                assert!(!bad.is_valid() || bad == good);
            }
            Work::Refuse(what) => {
                let (good, bad) = (extract::<C>(&what.good()), extract::<C>(&what.bad()));
                assert_ne!(content(&good), content(&Context::new()), "{}", row.name);
                assert_ne!(content(&good), content(&bad), "{}", row.name);
            }
            Work::InjectNothing
            | Work::InjectForeign(_)
            | Work::ExtractForeign(_)
            | Work::Grow(..)
            | Work::Call(..)
            | Work::Rules(_)
            | Work::Poll
            | Work::TracedProcess
            | Work::TracedPoll => {}
        }
    }
}

/// The bound keeps what SECURITY.md promises, as ours does.
fn promises<C: Client>() {
    let contexts = [
        Carried {
            random: true,
            ..SPAN
        },
        Carried {
            state: 3,
            baggage: 20,
            ..SPAN
        },
        Carried {
            baggage: 3,
            ..Carried::default()
        },
        Carried::default(),
    ];
    for carried in contexts {
        // Every spelling of an old context is replaced, and the other headers stay.
        for old in [
            vec![],
            vec![entry("Traceparent", TRACEPARENT), entry("baggage", "a=1")],
            vec![entry("TRACESTATE", "a=1"), entry("bAGGAGE", "a=1")],
        ] {
            let entries = [old, others(5)].concat();
            let context = carried.context();
            let mut headers = C::received(&entries);
            ours().inject(&context, &mut headers);
            let by_hand = write::<C>(&entries, &context, usize::MAX);
            assert_eq!(C::entries(&by_hand), C::entries(&headers), "{entries:?}");
        }
        stays_while_suppressed::<C>(&carried.context());
        fits::<C>(&carried.context());
        // Every spelling is read.
        let spelt = carried.entries().into_iter();
        let spelt = spelt.map(|(name, value)| (name.to_uppercase(), value));
        let context = extract::<C>(&spelt.collect());
        assert_eq!(content(&context), content(&carried.context()));
    }
    keeps_the_flags::<C>();
}

fn write<C: Client>(entries: &Entries, context: &Context, room: usize) -> C::Headers {
    let headers = (!entries.is_empty()).then(|| C::received(entries));
    let span = context.span();
    let written = bound::write::<C>(headers, span.span_context(), context, room);
    written.unwrap_or_default()
}

fn stays_while_suppressed<C: Client>(context: &Context) {
    let entries = vec![entry("Baggage", "a=1"), entry("order", "7")];
    let context = context.with_telemetry_suppressed();
    let left = write::<C>(&entries, &context, usize::MAX);
    assert_eq!(C::entries(&left), C::entries(&C::received(&entries)));
    let _suppressed = context.attach();
    let read = extract::<C>(&SPAN.entries());
    assert!(read.is_telemetry_suppressed());
}

/// Baggage is left out first, then tracestate, and never the caller's own headers.
fn fits<C: Client>(context: &Context) {
    for entries in [vec![], others(5)] {
        let own = C::received(&entries);
        let full = write::<C>(&entries, context, usize::MAX);
        let whole = taken::<C>(&full);
        let mut fields = usize::MAX;
        for room in (0..=whole).rev() {
            let written = write::<C>(&entries, context, room);
            let is_own = C::entries(&written) == C::entries(&own);
            assert!(is_own || taken::<C>(&written) <= room, "{room} of {whole}");
            let count = C::entries(&written).len();
            assert!(count <= fields, "more of less room");
            fields = count;
            let all = C::entries(&written);
            for other in C::entries(&own) {
                assert!(all.contains(&other));
            }
            let has = |name| all.iter().any(|(known, _)| known == name);
            assert!(has("traceparent") || !has("tracestate"));
        }
    }
}

fn taken<C: Client>(headers: &C::Headers) -> usize {
    const ROOM: usize = 1 << 20;
    let left = CarrierMut::<C::Marker>::left_of(headers, ROOM);
    ROOM - left.expect("small headers")
}

/// The sampled flag is the span's, and the other one is the trace's: also where a sampler has dropped the span.
fn keeps_the_flags<C: Client>() {
    let random = Carried {
        random: true,
        ..SPAN
    };
    let came = C::extract_by_hand(&C::received(&random.entries()));
    let trace_id = came.span().span_context().trace_id();
    let span = |flags| {
        let (id, state) = (SpanId::from(7), TraceState::NONE);
        SpanContext::new(trace_id, id, TraceFlags::new(flags), false, state)
    };
    for (flags, expected) in [(0, "-02"), (1, "-03"), (2, "-02"), (3, "-03")] {
        let dropped = span(flags);
        // A child of what came in, and a child of that one.
        let child = came.with_remote_span_context(dropped.clone());
        for context in [&came, &child] {
            let headers = bound::write::<C>(None, &dropped, context, usize::MAX);
            let entries = C::entries(&headers.expect("headers"));
            assert!(entries[0].1.ends_with(expected), "{entries:?}");
        }
    }
    // Not that of another trace.
    let other = SpanContext::new(
        TraceId::from(7),
        SpanId::from(7),
        TraceFlags::SAMPLED,
        false,
        TraceState::NONE,
    );
    let headers = bound::write::<C>(None, &other, &came, usize::MAX);
    let entries = C::entries(&headers.expect("headers"));
    assert!(entries[0].1.ends_with("-01"), "{entries:?}");
}

#[test]
fn on_amqp() {
    all::<Amqp>();
    promises::<Amqp>();
}

#[test]
fn on_kafka() {
    all::<Kafka>();
    promises::<Kafka>();
}

#[test]
fn on_nats() {
    all::<Nats>();
    promises::<Nats>();
}

#[test]
fn every_row_is_named_once_and_measured() {
    let mut names: Vec<_> = rows().iter().map(|row| row.name).collect();
    names.extend(growing().chunks(3).map(|three| three[0].name));
    names.extend(calls().iter().map(|row| row.name));
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
    let is_ours = |name| {
        let mut cells = [rows(), growing(), calls()].into_iter().flat_map(cells);
        cells.any(|cell| cell.row.name == name && cell.column == Column::Ours)
    };
    assert!(names.into_iter().all(is_ours));
}
