//! Messages that go out from a span of `tracing`.

use crate::message::{NOWHERE, Sent, TRACEPARENT, spans};
use crate::{assert_child, named, subscribe};
use opentelemetry::Context;
use opentelemetry::trace::{SpanId, SpanKind, Status};
use otel_messaging::adapter::{Destination, Outcome, Outgoing, Relay};
use otel_messaging::{Instrumentation, extract};
use std::collections::BTreeMap;
use tracing::info_span;

fn start() -> (Outgoing, BTreeMap<String, String>) {
    let sent = Sent(Destination::named("orders"));
    let sending = Instrumentation::global().outgoing("send", &sent);
    let mut headers = BTreeMap::new();
    sending.inject(&mut headers, None);
    (sending, headers)
}

/// The program sets no tracer provider of OpenTelemetry: the layer's tracer makes the span.
#[test]
fn a_message_carries_the_span_of_its_call() {
    for activation in [true, false] {
        let spans = spans();
        let _subscribed = subscribe(&spans, activation);
        let order = info_span!("order").entered();
        let (sending, headers) = start();
        drop(order);
        assert!(!spans.ended().iter().any(|span| span.name == "send orders"));
        sending.finish(Outcome::Accepted(&|answer| answer.set("answer", 42)));

        let sent = named(&spans, "send orders");
        assert_eq!(sent.span_kind, SpanKind::Producer);
        assert_child(&sent, &named(&spans, "order").span_context);
        assert_eq!(sent.status, Status::Unset);
        let answers = sent
            .attributes
            .iter()
            .filter(|kv| kv.key.as_str() == "answer");
        assert_eq!(answers.count(), 1);
        let id = format!("{:016x}", sent.span_context.span_id());
        assert_eq!(headers["traceparent"][36..52], id);
    }
}

#[test]
fn a_failure_marks_the_span() {
    let spans = spans();
    let _subscribed = subscribe(&spans, true);
    let refused = Outcome::failed("NOT_FOUND", &"no such exchange");
    start().0.finish(refused);
    let sent = spans.only();
    assert_eq!(sent.parent_span_id, SpanId::INVALID);
    assert_eq!(sent.status, Status::error("no such exchange"));
}

/// Only the context that came in is known, as in a relay that does not trace: it goes on.
#[test]
fn a_received_context_goes_on_outside_of_any_span() {
    let spans = spans();
    let _subscribed = subscribe(&spans, true);
    let headers = BTreeMap::from([("traceparent".to_owned(), TRACEPARENT.to_owned())]);
    let _attached = extract(&headers).attach();
    drop(start());
    let sent = named(&spans, "send orders");
    assert_eq!(
        format!("{:016x}", sent.parent_span_id),
        &TRACEPARENT[36..52]
    );
}

/// Inside a span too, of which OpenTelemetry may know nothing.
#[test]
fn nothing_is_traced_while_telemetry_is_suppressed() {
    for activation in [true, false] {
        let spans = spans();
        let _subscribed = subscribe(&spans, activation);
        let order = info_span!("order").entered();
        let suppressed = Context::enter_telemetry_suppressed_scope();
        let (sending, headers) = start();
        drop((sending, suppressed, order));
        assert!(headers.is_empty());
        assert_eq!(spans.only().name, "order");
    }
}

#[test]
fn what_is_sent_on_is_linked_to_its_sender() {
    let spans = spans();
    let _subscribed = subscribe(&spans, true);
    let mut headers = BTreeMap::from([("traceparent".to_owned(), TRACEPARENT.to_owned())]);
    for (way, kind) in [
        ("forward", SpanKind::Client),
        ("republish", SpanKind::Producer),
    ] {
        let relay = match kind {
            SpanKind::Client => Relay::Forward,
            _ => Relay::Republish,
        };
        let by = Instrumentation::global();
        drop(by.relay(
            relay,
            Destination::unknown(),
            way,
            &NOWHERE,
            &mut headers,
            None,
        ));
        let sent = named(&spans, way);
        assert_eq!(sent.span_kind, kind);
        assert_eq!(sent.parent_span_id, SpanId::INVALID);
        let links = sent.links.iter().map(|link| &link.span_context);
        let linked: Vec<_> = links.map(|sender| sender.span_id().to_string()).collect();
        assert_eq!(linked, [&TRACEPARENT[36..52]]);
    }
}

/// What came in goes out.
#[test]
fn a_layer_whose_provider_was_shut_down_is_no_dead_end() {
    let spans = spans();
    let _subscribed = subscribe(&spans, true);
    spans.provider.shutdown().expect("nothing to export");
    let received = BTreeMap::from([("traceparent".to_owned(), TRACEPARENT.to_owned())]);
    let _attached = extract(&received).attach();
    let (_sending, headers) = start();
    assert_eq!(headers["traceparent"], TRACEPARENT);
}
