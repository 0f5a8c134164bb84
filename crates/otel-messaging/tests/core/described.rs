//! What the application adds to spans: its hook, captured headers, sizes, templates.

use crate::errors::attribute;
use crate::message::{Message, TestClient, message, spans};
use opentelemetry::baggage::BaggageExt;
use opentelemetry::{Array, Value};
use otel_messaging::adapter::{
    Attributes, DeadLetter, Describe, Destination, Outcome, Relay, TextMap,
};
use otel_messaging::consumer::ConsumerInfo;
use otel_messaging::instrumentation::SpanDetails;
use otel_messaging::{Instrumentation, Received};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

struct Sized {
    headers: BTreeMap<String, String>,
}

impl Describe<TextMap> for Sized {
    type Client = TestClient;

    fn destination(&self) -> Destination<'_> {
        Destination::of_parts(["shop", "orders.7", ""])
    }

    fn body_size(&self) -> Option<usize> {
        Some(7)
    }

    fn envelope_size(&self) -> Option<usize> {
        Some(77)
    }
}

impl Received<TextMap> for Sized {
    type Headers = BTreeMap<String, String>;

    fn message_headers(&self) -> Option<&Self::Headers> {
        Some(&self.headers)
    }
}

fn sized(fields: &[(&str, &str)]) -> Sized {
    let own = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    Sized {
        headers: fields.iter().map(own).collect(),
    }
}

/// Sends, sends on and handles the message.
fn use_in_each_way(by: &Instrumentation, message: &Sized) {
    let mut headers = message.headers.clone();
    let outgoing = by.outgoing("publish", message);
    outgoing.inject(&mut headers, None);
    outgoing.finish(Outcome::accepted());
    let letter = DeadLetter::new(Destination::named("orders"), &"no such article");
    for relay in [Relay::Forward, Relay::Republish, Relay::DeadLetter(&letter)] {
        let outgoing = by.relay(
            relay,
            Destination::unknown(),
            "publish",
            message,
            &mut headers,
            None,
        );
        outgoing.inject(&mut headers, None);
        outgoing.finish(Outcome::accepted());
    }
    drop(by.process(message));
}

#[test]
fn the_hook_sees_each_message_and_its_context() {
    let spans = spans();
    let hook = |span: &SpanDetails<'_>, attributes: &mut Attributes| {
        if let Some(tenant) = span.context().baggage().get("tenant") {
            attributes.set_remote("shop.tenant", tenant.as_str());
        }
        let destination = span.message().destination().to_string();
        attributes.set("shop.destination", destination);
        attributes.set("shop.operation", span.operation_name());
        attributes.set("shop.type", span.operation_type());
    };
    let by = spans.instrumentation.to_builder();
    let by = by.with_span_attributes(hook).build();
    let fields = [
        ("traceparent", crate::message::TRACEPARENT),
        ("baggage", "tenant=acme"),
    ];
    let message = sized(&fields);
    let _attached = by.extract(&message.headers).attach();
    use_in_each_way(&by, &message);
    let ended = spans.ended();
    assert_eq!(ended.len(), 5);
    for span in &ended {
        let is_handled = span.name.starts_with("process");
        let (operation, kind) = if is_handled {
            ("process", "process")
        } else {
            ("publish", "send")
        };
        for (key, value) in [
            ("shop.tenant", "acme"),
            ("shop.destination", "shop:orders.7"),
            ("shop.operation", operation),
            ("shop.type", kind),
        ] {
            assert_eq!(attribute(span, key), Some(value.into()), "{}", span.name);
        }
    }
}

#[test]
fn a_hook_that_panics_costs_its_attributes_alone() {
    let spans = spans();
    let calls = Arc::new(AtomicU32::new(0));
    let counted = calls.clone();
    let by = spans.instrumentation.to_builder();
    let by = by.with_span_attributes(move |_, attributes| {
        attributes.set("shop.half", true);
        counted.fetch_add(1, Ordering::Relaxed);
        panic!("a hook");
    });
    let before = otel_messaging::loss::caught_panics();
    let by = by.build();
    for _ in 0..20 {
        drop(by.process(&message()));
    }
    assert_eq!(calls.load(Ordering::Relaxed), 20);
    assert!(otel_messaging::loss::caught_panics() >= before + 20);
    for span in spans.ended() {
        assert_eq!(attribute(&span, "shop.half"), None);
        let name = attribute(&span, "messaging.destination.name");
        assert_eq!(name, Some("orders".into()));
    }
}

#[test]
fn without_a_span_nobody_calls_the_hook() {
    let calls = Arc::new(AtomicU32::new(0));
    let counted = calls.clone();
    let by = Instrumentation::builder().with_span_attributes(move |_, _| {
        counted.fetch_add(1, Ordering::Relaxed);
    });
    drop(by.build().process(&message()));
    assert_eq!(calls.load(Ordering::Relaxed), 0);
}

#[test]
fn captured_headers_are_on_the_spans_of_both_sides() {
    let spans = spans();
    let by = spans.instrumentation.to_builder();
    let by = by
        .with_captured_headers(["X-Tenant", "x-missing", "authorization", "x-long"])
        .build();
    let long = "x".repeat(1025);
    let message = sized(&[
        ("x-tenant", "acme"),
        ("authorization", "Bearer 7"),
        ("x-long", &long),
    ]);
    use_in_each_way(&by, &message);
    let ended = spans.ended();
    assert_eq!(ended.len(), 5);
    for span in &ended {
        let tenant = attribute(span, "otel_messaging.header.x-tenant");
        let expected = Value::Array(Array::String(vec!["acme".into()]));
        assert_eq!(tenant, Some(expected), "{}", span.name);
        let keys = span.attributes.iter().map(|kv| kv.key.as_str());
        let captured = keys.filter(|key| key.starts_with("otel_messaging.header."));
        assert_eq!(captured.count(), 1, "{}", span.name);
    }
}

#[test]
fn sizes_are_on_spans_if_they_are_wanted() {
    let keys = [
        "messaging.message.body.size",
        "messaging.message.envelope.size",
    ];
    for are_wanted in [false, true] {
        let spans = spans();
        let mut by = spans.instrumentation.to_builder();
        if are_wanted {
            by = by.with_message_sizes();
        }
        use_in_each_way(&by.build(), &sized(&[]));
        for span in spans.ended() {
            let found = keys.map(|key| attribute(&span, key));
            let expected = [7, 77].map(|size| are_wanted.then_some(Value::I64(size)));
            assert_eq!(found, expected, "{}", span.name);
        }
    }
}

#[test]
fn a_template_and_a_queue_are_in_the_names() {
    let spans = spans();
    let by = spans.instrumentation.to_builder();
    let by = by.with_destination_template("shop:orders.{id}").build();
    let billing = by.consumer(ConsumerInfo::new().with_queue("billing"));
    drop(billing.process(&sized(&[])));
    let other: &Message = &message();
    drop(billing.process(other));
    let ended = spans.ended();
    let name = |index: usize| attribute(&ended[index], "messaging.destination.name");
    let template = |index: usize| attribute(&ended[index], "messaging.destination.template");
    assert_eq!(ended[0].name, "process shop:orders.{id}");
    assert_eq!(template(0), Some("shop:orders.{id}".into()));
    assert_eq!(name(0), Some("shop:orders.7:billing".into()));
    assert_eq!(ended[1].name, "process orders:billing");
    assert_eq!(template(1), None);
}
