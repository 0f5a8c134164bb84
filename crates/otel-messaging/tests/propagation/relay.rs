//! A message that came in and is sent on: what the pair lets through, and what it never writes.

use crate::lines::{GOOD, Lines, direct, extract, inject};
use opentelemetry::baggage::BaggageExt;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::TraceContextExt;
use opentelemetry::{Context, KeyValue, global};
use otel_messaging::Instrumentation;
use otel_messaging::propagation::{TraceContextPropagator, w3c};
use std::collections::BTreeMap;

#[test]
fn a_whole_context_is_relayed() {
    let lines = [
        ("traceparent", GOOD),
        ("tracestate", "rojo=1,congo=2"),
        ("baggage", "tenant=acme%20corp;p=1,user=7"),
    ];
    let context = extract(&lines);
    let expected = lines.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(inject(&context), BTreeMap::from(expected));
}

#[test]
fn a_context_replaces_every_spelling_of_an_older_one() {
    let mut headers = Lines::of(&[
        ("order", "7"),
        ("Traceparent", "00-old"),
        ("traceparent", "00-older"),
        ("TRACESTATE", "old=1"),
        ("Baggage", "old=1"),
        ("order", "8"),
    ]);
    direct().inject(&extract(&[("traceparent", GOOD)]), &mut headers);
    let expected = Lines::of(&[("order", "7"), ("order", "8"), ("traceparent", GOOD)]);
    assert_eq!(headers.0, expected.0);
}

#[test]
fn the_budget_takes_baggage_first_then_tracestate_and_never_traceparent() {
    let context = extract(&[
        ("traceparent", GOOD),
        ("tracestate", "a=1,b=2"),
        ("baggage", "x=1,y=2"),
    ]);
    // 66 bytes, 17 bytes and 14 bytes, names included.
    for (budget, state, baggage) in [
        (97, Some("a=1,b=2"), Some("x=1,y=2")),
        (96, Some("a=1,b=2"), Some("x=1")),
        (93, Some("a=1,b=2"), Some("x=1")),
        (92, Some("a=1,b=2"), None),
        (83, Some("a=1,b=2"), None),
        (82, Some("a=1"), None),
        (79, Some("a=1"), None),
        (78, None, None),
        (0, None, None),
    ] {
        let mut expected = BTreeMap::from([("traceparent".to_owned(), GOOD.to_owned())]);
        for (name, value) in [("tracestate", state), ("baggage", baggage)] {
            expected.extend(value.map(|value| (name.to_owned(), value.to_owned())));
        }
        // Another propagator's fields are held to it too.
        for (way, headers) in within(&context, budget) {
            assert_eq!(headers, expected, "{budget}, {way}");
        }
    }
}

/// A member for which there is no room goes alone, wherever it stands.
#[test]
fn the_budget_takes_a_large_member_alone() {
    let large = "x".repeat(300);
    let baggage = format!("a=1,b={large},c=3,d={large},e=5");
    let context = extract(&[("traceparent", GOOD), ("baggage", &baggage)]);
    let least = 66 + "baggage".len();
    for (room, expected) in [
        (baggage.len(), Some(baggage.clone())),
        (
            baggage.len() - 1,
            Some(format!("a=1,b={large},c=3,d={large}")),
        ),
        (400, Some(format!("a=1,b={large},c=3,e=5"))),
        (100, Some("a=1,c=3,e=5".to_owned())),
        (10, Some("a=1,c=3".to_owned())),
        (2, None),
    ] {
        for (way, headers) in within(&context, least + room) {
            assert_eq!(headers.get("baggage"), expected.as_ref(), "{room}, {way}");
        }
    }
}

/// What the pair writes within a budget, straight into a carrier and by way of an injector.
pub(crate) fn within(
    context: &Context,
    budget: usize,
) -> [(&'static str, BTreeMap<String, String>); 2] {
    let direct = direct().to_builder().with_injection_budget(budget).build();
    let foreign = direct.to_builder().with_propagator(Foreign(w3c())).build();
    [("direct", direct), ("by way of an injector", foreign)].map(|(way, instrumentation)| {
        let mut headers = BTreeMap::new();
        instrumentation.inject(context, &mut headers);
        (way, headers)
    })
}

/// The pair, but not known as such.
#[derive(Debug)]
struct Foreign(otel_messaging::propagation::W3cPropagator);

impl TextMapPropagator for Foreign {
    fn inject_context(
        &self,
        context: &Context,
        injector: &mut dyn opentelemetry::propagation::Injector,
    ) {
        self.0.inject_context(context, injector);
    }

    fn extract_with_context(
        &self,
        context: &Context,
        extractor: &dyn opentelemetry::propagation::Extractor,
    ) -> Context {
        self.0.extract_with_context(context, extractor)
    }

    fn fields(&self) -> opentelemetry::propagation::text_map_propagator::FieldIter<'_> {
        self.0.fields()
    }
}

/// What the W3C limits let through fits by default: 8,192 bytes of baggage, 512 of tracestate.
#[test]
fn the_default_budget_holds_what_the_limits_let_through() {
    let state = format!("a={},b={}", "s".repeat(250), "s".repeat(257 - 2));
    assert_eq!(state.len(), 510);
    let baggage = format!("a={}", "x".repeat(8190));
    let lines = [
        ("traceparent", GOOD),
        ("tracestate", &state),
        ("baggage", &baggage),
    ];
    let mut headers = BTreeMap::new();
    Instrumentation::default().inject(&extract(&lines), &mut headers);
    assert_eq!(headers.len(), 3);
    assert_eq!(headers["baggage"], baggage);
}

/// As the global propagator of a program without messages.
#[test]
fn the_pair_is_usable_as_the_global_propagator() {
    let before = Context::new().with_baggage([KeyValue::new("a", "1")]);
    global::set_text_map_propagator(w3c());
    let mut carrier = std::collections::HashMap::new();
    global::get_text_map_propagator(|propagator| propagator.inject_context(&before, &mut carrier));
    assert_eq!(carrier["baggage"], "a=1");
    let fields: Vec<_> = w3c().fields().map(str::to_owned).collect();
    assert_eq!(fields, ["traceparent", "tracestate", "baggage"]);
}

/// One of the two alone leaves the other's field as it is.
#[test]
fn one_of_the_pair_may_be_used_alone() {
    let instrumentation = Instrumentation::builder()
        .with_propagator(TraceContextPropagator::new())
        .build();
    let context = extract(&[("traceparent", GOOD), ("baggage", "a=1")]);
    let mut headers = BTreeMap::from([("baggage".to_owned(), "kept=1".to_owned())]);
    instrumentation.inject(&context, &mut headers);
    assert_eq!(headers["baggage"], "kept=1");
    assert_eq!(headers["traceparent"], GOOD);
    let context = instrumentation.extract(&headers);
    assert!(context.span().span_context().is_valid());
    assert!(context.baggage().is_empty());
}
