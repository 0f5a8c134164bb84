//! What a consumer knows and its messages do not.

use crate::errors::attribute;
use crate::message::{Message, message, spans};
use futures_util::FutureExt;
use opentelemetry::Value;
use opentelemetry::trace::{SpanKind, Status, TraceContextExt};
use opentelemetry_sdk::trace::SpanData;
use otel_messaging::Failure;
use otel_messaging::consumer::ConsumerInfo;

const KEYS: [&str; 5] = [
    "messaging.consumer.group.name",
    "messaging.destination.subscription.name",
    "messaging.client.id",
    "server.address",
    "server.port",
];

fn known(span: &SpanData) -> [Option<Value>; 5] {
    KEYS.map(|key| attribute(span, key))
}

fn info() -> ConsumerInfo {
    ConsumerInfo::new()
        .with_group("billing")
        .with_subscription("billing-durable")
        .with_client_id("billing-7")
        .with_server("kafka.internal", 9092)
}

#[test]
fn it_is_on_the_spans_of_every_way_of_handling() {
    let (spans, message) = (spans(), message());
    let consumer = spans.instrumentation.consumer(info()).clone();
    let handle = async |_: &Message| Err::<(), _>("no such article");
    drop(consumer.process(&message));
    let handled = consumer.with_message_context(&message, handle);
    assert!(handled.now_or_never().is_some());
    let handled = consumer.try_with_message_context(&message, handle);
    assert!(handled.now_or_never().is_some());
    let judge = |_: &&str| Some(Failure::new("article", "unknown"));
    let handled = consumer.try_with_message_context_with(&message, handle, judge);
    assert!(handled.now_or_never().is_some());

    let ended = spans.ended();
    let sender = spans.instrumentation.extract(&message.headers);
    let sender = sender.span().span_context().clone();
    for span in &ended {
        let expected = [
            "billing".into(),
            "billing-durable".into(),
            "billing-7".into(),
            "kafka.internal".into(),
            9092.into(),
        ];
        assert_eq!(known(span), expected.map(Some));
        assert_eq!(span.name, "process orders");
        assert_eq!(span.span_kind, SpanKind::Consumer);
        assert_eq!(span.parent_span_id, sender.span_id());
        assert_eq!(
            attribute(span, "messaging.system.name"),
            Some("test".into())
        );
    }
    let statuses: Vec<_> = ended.iter().map(|span| span.status.clone()).collect();
    let expected = [
        Status::Unset,
        Status::Unset,
        Status::error("no such article"),
        Status::error("unknown"),
    ];
    assert_eq!(statuses, expected);
}

#[test]
fn what_is_not_known_is_not_on_them() {
    let spans = spans();
    let by = &spans.instrumentation;
    drop(by.process(&message()));
    drop(by.consumer(ConsumerInfo::new()).process(&message()));
    for span in spans.ended() {
        assert_eq!(known(&span), [const { None }; 5]);
    }
    let group = ConsumerInfo::new().with_group("billing");
    drop(by.consumer(group).process(&message()));
    let last = spans.ended().pop().expect("a span");
    let [group, others @ ..] = known(&last);
    assert_eq!(group, Some("billing".into()));
    assert_eq!(others, [const { None }; 4]);
}

/// A broker may have chosen it.
#[test]
fn what_would_act_on_a_reader_is_replaced() {
    let spans = spans();
    let info = ConsumerInfo::new()
        .with_group("billing\u{1b}[2J")
        .with_client_id("x".repeat(1025));
    drop(spans.instrumentation.consumer(info).process(&message()));
    let [group, _, client, ..] = known(&spans.only());
    assert_eq!(group, Some("billing\u{fffd}[2J".into()));
    assert_eq!(client, None, "a part of it is another one");
}

/// A consumer's handle goes by the settings of its instrumentation.
#[test]
fn its_instrumentation_counts() {
    let spans = spans();
    let by = spans.instrumentation.to_builder();
    let by = by.with_injection_budget(77).build();
    let consumer = by.consumer(info());
    assert_eq!(consumer.instrumentation().injection_budget(), 77);
    drop(consumer.process(&message()));
    assert_eq!(spans.only().name, "process orders");
}
