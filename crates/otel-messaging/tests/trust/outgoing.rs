//! What a message that goes out tells.

use crate::program::{Headers, Program, full, headers, message};
use opentelemetry::baggage::BaggageExt;
use opentelemetry::propagation::text_map_propagator::FieldIter;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::{Context, KeyValue};
use otel_messaging::Instrumentation;
use otel_messaging::instrumentation::Builder;
use otel_messaging::propagation::w3c;
use otel_messaging::trust::OutgoingPolicy::{self, Inject, Suppress, TraceContextOnly};
use otel_messaging::trust::{BaggageFilter, Messages};

/// Fields of an older context, and a header of the application's.
fn stale() -> Headers {
    let mut headers = full().headers;
    headers.insert("Traceparent".into(), "00-bad".into());
    headers.insert("order".into(), "7".into());
    headers
}

/// What a message carries whose headers had an older context.
fn sent(by: &Instrumentation, suppressed: bool) -> Headers {
    let baggage = [KeyValue::new("own", "1"), KeyValue::new("public", "2")];
    let context = Context::new().with_baggage(baggage);
    let context = if suppressed {
        context.with_telemetry_suppressed()
    } else {
        context
    };
    let _attached = context.attach();
    let mut headers = stale();
    let outgoing = by.outgoing("send", &message::<&str>([]));
    outgoing.inject(&mut headers, None);
    headers
}

fn names(headers: &Headers) -> Vec<&str> {
    headers.keys().map(String::as_str).collect()
}

fn telling(builder: Builder, policy: OutgoingPolicy) -> Instrumentation {
    builder.with_outgoing(Messages::all(), policy).build()
}

#[test]
fn each_policy_tells_what_it_says() {
    let program = Program::new();
    let told = sent(&telling(program.builder(), Inject), false);
    assert_eq!(names(&told), ["baggage", "order", "traceparent"]);
    assert_eq!(told["baggage"], "own=1,public=2");
    let told = sent(&telling(program.builder(), TraceContextOnly), false);
    assert_eq!(names(&told), ["order", "traceparent"]);
    let told = sent(&telling(program.builder(), Suppress), false);
    assert_eq!(names(&told), ["order"]);
    let told = sent(&program.builder().build().external(), false);
    assert_eq!(names(&told), ["order"]);
    // The message has its span each time.
    assert_eq!(program.ended().len(), 4);
}

#[test]
fn no_rule_is_looser_than_external() {
    let program = Program::new();
    let by = telling(program.builder(), Inject).external();
    assert_eq!(names(&sent(&by, false)), ["order"]);
    let by = by
        .to_builder()
        .with_outgoing(Messages::all(), Inject)
        .build();
    assert_eq!(names(&sent(&by, false)), ["order"]);
}

#[test]
fn suppressed_telemetry_tells_no_more() {
    let program = Program::new();
    let before = names(&stale()).join(" ");
    let told = sent(&telling(program.builder(), Inject), true);
    assert_eq!(names(&told).join(" "), before, "as without policies");
    let told = sent(&telling(program.builder(), TraceContextOnly), true);
    assert!(!told.contains_key("baggage"));
    let told = sent(&telling(program.builder(), Suppress), true);
    assert_eq!(names(&told), ["order"]);
    let none = program.builder().with_outgoing_baggage(BaggageFilter::None);
    assert!(!sent(&none.build(), true).contains_key("baggage"));
}

/// Panics when it is asked to write, or also when it is asked for its fields.
#[derive(Debug)]
struct Panics {
    at_fields: bool,
}

impl TextMapPropagator for Panics {
    fn inject_context(&self, _: &Context, _: &mut dyn Injector) {
        panic!("a propagator")
    }

    fn extract_with_context(&self, context: &Context, extractor: &dyn Extractor) -> Context {
        w3c().extract_with_context(context, extractor)
    }

    fn fields(&self) -> FieldIter<'_> {
        static FIELDS: [String; 0] = [];
        // `with_propagator` asks for them once, to see whether there are any.
        let is_building = std::thread::current().name() == Some("building");
        assert!(is_building || !self.at_fields, "a propagator");
        FieldIter::new(&FIELDS)
    }
}

#[test]
fn a_propagator_that_panics_tells_no_more() {
    let program = Program::new();
    for at_fields in [false, true] {
        let by = |policy| {
            let builder = program.builder();
            let building = std::thread::Builder::new().name("building".into());
            let built = building.spawn(move || builder.with_propagator(Panics { at_fields }));
            telling(built.unwrap().join().unwrap(), policy)
        };
        assert_eq!(names(&sent(&by(Suppress), false)), ["order"]);
        assert!(!sent(&by(TraceContextOnly), false).contains_key("baggage"));
    }
}

#[test]
fn only_listed_keys_go_out() {
    let program = Program::new();
    let listed = BaggageFilter::keys(["public"]);
    let by = program.builder().with_outgoing_baggage(listed).build();
    assert_eq!(sent(&by, false)["baggage"], "public=2");
    let none = program
        .builder()
        .with_outgoing_baggage(BaggageFilter::None)
        .build();
    assert!(!sent(&none, false).contains_key("baggage"));
    let other = BaggageFilter::keys(["Public"]);
    let by = program.builder().with_outgoing_baggage(other).build();
    assert!(!sent(&by, false).contains_key("baggage"), "case counts");
}

/// A destination refuses the message for its size, and it goes once more.
#[test]
fn what_is_left_out_for_its_size_tells_no_more() {
    let program = Program::new();
    for policy in [Inject, TraceContextOnly, Suppress] {
        let by = telling(program.builder(), policy);
        let before = otel_messaging::loss::dropped_fields();
        let mut headers = stale();
        let outgoing = by.outgoing("send", &message::<&str>([]));
        outgoing.inject(&mut headers, None);
        outgoing.leave_out(&mut headers);
        assert_eq!(names(&headers), ["order"], "{policy:?}");
        // Telemetry is suppressed, and an older context stays as far as it may.
        let suppressed = Context::enter_telemetry_suppressed_scope();
        let outgoing = by.outgoing("send", &message::<&str>([]));
        let mut headers = stale();
        outgoing.leave_out(&mut headers);
        let stays = policy == Inject;
        assert_eq!(headers.contains_key("baggage"), stays, "{policy:?}");
        drop(suppressed);
        if policy == Suppress {
            assert_eq!(
                otel_messaging::loss::dropped_fields(),
                before,
                "nothing was lost"
            );
        }
    }
}

#[test]
fn the_callers_own_baggage_stays_beside_ours_if_that_is_wanted() {
    let program = Program::new();
    let merging = || program.builder().with_merged_baggage();
    let theirs = "sentry-release=1.0,own=theirs";
    let sent = |by: &Instrumentation, ours: &[(&'static str, &'static str)]| {
        let ours = ours.iter().map(|(key, value)| KeyValue::new(*key, *value));
        let _attached = Context::new()
            .with_baggage(ours.collect::<Vec<_>>())
            .attach();
        let mut headers = headers([("baggage", theirs), ("sentry-trace", "1")]);
        let outgoing = by.outgoing("send", &message::<&str>([]));
        outgoing.inject(&mut headers, Some(10_000));
        assert!(headers.contains_key("sentry-trace"));
        assert!(headers.contains_key("traceparent"));
        headers.remove("baggage").unwrap_or_default()
    };
    let ours = [("own", "ours"), ("tenant", "acme")];
    let both = "own=ours,sentry-release=1.0,tenant=acme";
    assert_eq!(sent(&merging().build(), &ours), both);
    assert_eq!(sent(&merging().build(), &[]), theirs, "as it was");
    assert_eq!(
        sent(&program.builder().build(), &ours),
        "own=ours,tenant=acme"
    );
    assert_eq!(sent(&program.builder().build(), &[]), "");
    // A filter is about both.
    for (filter, expected) in [
        (BaggageFilter::None, ""),
        (
            BaggageFilter::keys(["sentry-release"]),
            "sentry-release=1.0",
        ),
        (
            BaggageFilter::keys(["tenant", "own"]),
            "own=ours,tenant=acme",
        ),
    ] {
        let by = merging().with_outgoing_baggage(filter).build();
        assert_eq!(sent(&by, &ours), expected);
    }
    let listed = BaggageFilter::keys(["sentry-release"]);
    let by = merging().with_outgoing_baggage(listed).build();
    assert_eq!(sent(&by, &[]), "sentry-release=1.0");
    assert_eq!(sent(&telling(merging(), TraceContextOnly), &ours), "");
}

#[test]
fn external_messages_have_no_merged_baggage_either() {
    let program = Program::new();
    let by = program.builder().with_merged_baggage().build().external();
    assert_eq!(names(&sent(&by, false)), ["order"]);
}
