//! The ways that are compared do the same work.

use benches::case::{Column, Malformed, Work, calls, cells, growing, rows};
use benches::client::{Amqp, Client, Kafka, Nats};
use benches::sample::{Carried, Entries, others};
use opentelemetry::Context;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::{SpanContext, TraceContextExt};
use otel_messaging::{Instrumentation, propagation};

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
            // The bound knows one spelling.
            Work::Refuse(Malformed::Contradiction) => {
                let of = |entries: Entries| content(&ours().extract(&C::received(&entries)));
                let what = Malformed::Contradiction;
                let good = of(what.good()).0;
                assert!(good.is_valid());
                // The exact name counts on AMQP and Kafka; nowhere is it the other one.
                let bad = of(what.bad()).0;
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
            | Work::Rules(_) => {}
        }
    }
}

#[test]
fn on_amqp() {
    all::<Amqp>();
}

#[test]
fn on_kafka() {
    all::<Kafka>();
}

#[test]
fn on_nats() {
    all::<Nats>();
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
