//! Messages with several contexts of which nothing tells the one that counts: a new trace, with a link
//! to each sender.

use crate::limited::Limited;
use crate::message::{Message, NOWHERE, TRACEPARENT, spans};
use opentelemetry::baggage::BaggageExt;
use opentelemetry::propagation::TextMapCompositePropagator;
use opentelemetry::trace::{SpanContext, SpanId, SpanKind, TraceContextExt};
use opentelemetry_sdk::propagation as sdk;
use opentelemetry_sdk::trace::SpanData;
use otel_messaging::adapter::{DeadLetter, Destination, Relay};
use otel_messaging::producer::DEAD_LETTER_TRACEPARENT;
use otel_messaging::propagation::{BaggagePropagator, TraceContextPropagator, w3c};
use otel_messaging::{ContextCarrier, Envelope, Instrumentation, extract};
use std::collections::BTreeMap;

const OTHER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

type Headers = BTreeMap<String, String>;

fn contradicting() -> Headers {
    let fields = [
        ("Traceparent", OTHER),
        ("traceparent", TRACEPARENT),
        ("tracestate", "a=1"),
        ("baggage", "tenant=acme"),
        ("order", "7"),
    ];
    fields
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
}

/// The pair that is the default, and others by way of OpenTelemetry's `Extractor`.
fn instrumentations(by: &Instrumentation) -> [Instrumentation; 4] {
    let ours = TextMapCompositePropagator::new(vec![
        Box::new(BaggagePropagator::new()),
        Box::new(TraceContextPropagator::new()),
    ]);
    let sdks = TextMapCompositePropagator::new(vec![
        Box::new(sdk::TraceContextPropagator::new()),
        Box::new(sdk::BaggagePropagator::new()),
    ]);
    [
        by.clone(),
        by.to_builder().with_propagator(w3c()).build(),
        by.to_builder().with_propagator(ours).build(),
        by.to_builder().with_propagator(sdks).build(),
    ]
}

fn sender(traceparent: &str) -> SpanContext {
    let headers = BTreeMap::from([("traceparent".to_owned(), traceparent.to_owned())]);
    extract(&headers).span().span_context().clone()
}

#[track_caller]
fn assert_linked_to_each(span: &SpanData) {
    let links = span.links.iter();
    let mut links: Vec<_> = links.map(|link| link.span_context.clone()).collect();
    links.sort_by_key(|link| format!("{:032x}", link.trace_id()));
    assert_eq!(links, [TRACEPARENT, OTHER].map(sender));
    assert_eq!(span.parent_span_id, SpanId::INVALID);
    for link in &links {
        assert_ne!(span.span_context.trace_id(), link.trace_id());
    }
}

#[test]
fn it_is_handled_in_a_new_trace_that_is_linked_to_each() {
    for place in 0..4 {
        let spans = spans();
        let by = &instrumentations(&spans.instrumentation)[place];
        let message = Message {
            headers: contradicting(),
        };
        let processing = by.process(&message);
        assert!(processing.context().baggage().is_empty(), "{place}");
        drop(processing);
        assert_linked_to_each(&spans.only());

        let context = by.extract(&message.headers);
        assert!(!context.span().span_context().is_valid(), "{place}");
        assert!(context.baggage().is_empty(), "{place}");
    }
}

#[test]
fn an_envelope_with_it_is_too() {
    let spans = spans();
    let envelope = Envelope::with_context(7, ContextCarrier::from(contradicting()));
    drop(spans.instrumentation.process(&envelope));
    assert_linked_to_each(&spans.only());
}

/// None of them can be kept, so it is sent as any other.
#[test]
fn it_is_sent_on_with_a_new_context_that_is_linked_to_each() {
    for relay in [Relay::Forward, Relay::Republish] {
        let spans = spans();
        let by = &spans.instrumentation;
        let mut carried = contradicting();
        let sending = by.relay(
            relay,
            Destination::unknown(),
            "send",
            &NOWHERE,
            &mut carried,
            None,
        );
        assert!(!sending.keeps_context());
        assert!(sending.may_have(Some(&carried)));
        sending.inject(&mut carried, None);
        drop(sending);
        let span = spans.only();
        assert_eq!(span.span_kind, SpanKind::Producer);
        assert_linked_to_each(&span);
        let names: Vec<_> = carried.keys().map(String::as_str).collect();
        assert_eq!(names, ["order", "traceparent"]);
        let id = format!("{:016x}", span.span_context.span_id());
        assert_eq!(carried["traceparent"][36..52], id);
    }
}

#[test]
fn a_dead_letter_of_it_names_none_and_is_linked_to_each() {
    let spans = spans();
    // It is too large already.
    let mut carried = Limited::by_count(contradicting());
    let letter = DeadLetter::new(Destination::named("orders"), &"no such parcel");
    let by = &spans.instrumentation;
    let letter = Relay::DeadLetter(&letter);
    let sending = by.relay(
        letter,
        Destination::unknown(),
        "send",
        &NOWHERE,
        &mut carried,
        Some(0),
    );
    sending.inject(&mut carried, None);
    drop(sending);
    assert_linked_to_each(&spans.only());
    assert!(!carried.headers.contains_key(DEAD_LETTER_TRACEPARENT));
}

#[test]
fn eight_senders_are_linked_to() {
    let spans = spans();
    let mut headers = Headers::new();
    // Every spelling of the first four letters.
    for spelling in 0..16_u32 {
        let name: String = "traceparent"
            .char_indices()
            .map(|(place, letter)| match spelling >> place & 1 {
                0 => letter,
                _ => letter.to_ascii_uppercase(),
            })
            .collect();
        let sender = format!(
            "00-0af7651916cd43dd8448eb211c80319c-{:016x}-01",
            spelling + 1
        );
        headers.insert(name, sender);
    }
    drop(spans.instrumentation.process(&Message { headers }));
    assert_eq!(spans.only().links.len(), 8);
}

/// What is no context does not contradict one.
#[test]
fn one_beside_a_malformed_or_an_empty_one_counts() {
    for other in ["", " ", "00-malformed", "nonsense"] {
        for place in 0..4 {
            let spans = spans();
            let by = &instrumentations(&spans.instrumentation)[place];
            for names in [
                ["Traceparent", "traceparent"],
                ["traceparent", "Traceparent"],
            ] {
                let values = [other, TRACEPARENT];
                let fields = names.into_iter().zip(values);
                let headers = fields
                    .map(|(name, value)| (name.to_owned(), value.to_owned()))
                    .collect();
                let context = by.process(&Message { headers }).context().clone();
                let trace_id = context.span().span_context().trace_id();
                assert_eq!(
                    trace_id,
                    sender(TRACEPARENT).trace_id(),
                    "{other:?} {place}"
                );
            }
        }
    }
}

/// Another propagator's context counts, whatever W3C's fields say; without theirs there are no links.
#[test]
fn propagators_that_read_no_traceparent_are_not_concerned() {
    let spans = spans();
    let by = spans.instrumentation.to_builder();
    let by = by.with_propagator(sdk::BaggagePropagator::new()).build();
    let message = Message {
        headers: contradicting(),
    };
    drop(by.process(&message));
    assert!(spans.only().links.is_empty());
}
