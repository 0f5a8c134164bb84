//! The span and the metrics of a batch that is handled as one operation.

use crate::errors::attribute;
use crate::message::{Spans, TRACEPARENT, spans};
use crate::meter::meter;
use crate::order::{Order, bare, order, orders, sender, trace_id, value_in};
use futures_util::FutureExt;
use opentelemetry::trace::{SpanId, SpanKind, Status, TraceContextExt, Tracer, TracerProvider};
use opentelemetry_sdk::trace::SpanData;
use otel_messaging::adapter::{Attributes, semconv};
use otel_messaging::consumer::ConsumerInfo;
use otel_messaging::instrumentation::{MetricDestinations, Relation, SpanDetails};
use std::future::ready;
use std::time::{Duration, SystemTime};

const CONSUMED: &str = semconv::MESSAGING_CLIENT_CONSUMED_MESSAGES;
const PROCESS: &str = semconv::MESSAGING_PROCESS_DURATION;
const OUTCOMES: &str = semconv::OTEL_MESSAGING_PROPAGATION_MESSAGES;

fn span_of(spans: &Spans, messages: &[Order]) -> SpanData {
    let (span, batch) = spans.instrumentation.process_batch(messages);
    assert_eq!(batch.len(), messages.len());
    drop((span, batch));
    spans.only()
}

/// The links of a span: whom they link to, and an attribute of theirs.
fn links(span: &SpanData, key: &str) -> Vec<(SpanId, Option<String>)> {
    let links = span.links.iter();
    let links = links.map(|link| {
        let value = value_in(&link.attributes, key);
        (link.span_context.span_id(), value)
    });
    links.collect()
}

#[test]
fn it_is_one_span_with_a_link_to_each_sender() {
    let spans = spans();
    let tracer = spans.provider.tracer("test");
    let messages = [order(1), bare(2), order(3)];
    let around = tracer.in_span("around", |around| {
        let (span, batch) = spans.instrumentation.process_batch(&messages);
        drop((span, batch));
        around.span().span_context().clone()
    });
    let span = &spans.ended()[0];
    assert_eq!(span.name, "process orders");
    assert_eq!(span.span_kind, SpanKind::Consumer);
    assert_eq!(span.status, Status::Unset);
    assert_eq!(span.parent_span_id, around.span_id());
    assert_eq!(span.span_context.trace_id(), around.trace_id());
    for (key, value) in [
        ("messaging.operation.type", "process"),
        ("messaging.operation.name", "process"),
        ("messaging.destination.name", "orders"),
        ("messaging.destination.partition.id", "4"),
        ("messaging.system.name", "test"),
    ] {
        assert_eq!(attribute(span, key), Some(value.into()), "{key}");
    }
    assert_eq!(
        attribute(span, "messaging.batch.message_count"),
        Some(3.into())
    );
    let ids = [(1, "order-1"), (3, "order-3")];
    let ids = ids.map(|(number, id)| (sender(number), Some(id.to_owned())));
    assert_eq!(links(span, "messaging.message.id"), ids);
    let offsets = [(1, "1"), (3, "3")];
    let offsets = offsets.map(|(number, offset)| (sender(number), Some(offset.to_owned())));
    assert_eq!(links(span, "test.offset"), offsets);
}

/// Equal values are on the span alone, and differing ones on the links alone.
#[test]
fn equal_values_are_on_the_span() {
    let spans = spans();
    let span = span_of(&spans, &orders(1..4));
    assert_eq!(attribute(&span, "test.topic_version"), Some(3.into()));
    for key in ["test.topic_version", "messaging.destination.partition.id"] {
        assert!(
            links(&span, key).iter().all(|(_, it)| it.is_none()),
            "{key}"
        );
    }
    for key in ["test.offset", "messaging.message.id"] {
        assert_eq!(attribute(&span, key), None, "{key}");
    }
}

#[test]
fn destinations_and_partitions_that_differ_are_on_the_links() {
    let spans = spans();
    let mut messages = orders(1..4);
    messages[1].destination = "bills";
    messages[2].partition = 5;
    let span = span_of(&spans, &messages);
    assert_eq!(span.name, "process");
    for (key, values) in [
        ("messaging.destination.name", ["orders", "bills", "orders"]),
        ("messaging.destination.partition.id", ["4", "4", "5"]),
    ] {
        assert_eq!(attribute(&span, key), None, "{key}");
        let seen: Vec<_> = links(&span, key).into_iter().map(|it| it.1).collect();
        assert_eq!(seen, values.map(|it| Some(it.to_owned())), "{key}");
    }
}

#[test]
fn a_batch_of_one_has_all_on_its_span() {
    let spans = spans();
    let span = span_of(&spans, &[order(1)]);
    assert_eq!(
        attribute(&span, "messaging.batch.message_count"),
        Some(1.into())
    );
    assert_eq!(
        attribute(&span, "messaging.message.id"),
        Some("order-1".into())
    );
    assert_eq!(attribute(&span, "test.offset"), Some(1.into()));
    assert_eq!(links(&span, "test.offset"), [(sender(1), None)]);
    assert_eq!(span.parent_span_id, SpanId::INVALID);
    assert_ne!(
        span.span_context.trace_id(),
        trace_id(1),
        "a trace of its own"
    );
}

#[test]
fn contexts_that_contradict_are_both_linked() {
    let spans = spans();
    let mut message = order(1);
    message
        .headers
        .insert("Traceparent".to_owned(), TRACEPARENT.to_owned());
    let span = span_of(&spans, &[message, order(2)]);
    let offsets: Vec<_> = links(&span, "test.offset");
    let first: Vec<_> = offsets
        .iter()
        .filter(|(_, it)| it.as_deref() == Some("1"))
        .collect();
    assert_eq!((offsets.len(), first.len()), (3, 2));
    assert!(first.iter().any(|(id, _)| *id == sender(1)));
}

#[test]
fn an_empty_batch_leaves_nothing() {
    let (spans, meter) = (spans(), meter());
    let by = spans.instrumentation.to_builder();
    let by = by.with_meter_provider(&meter.provider).build();
    let none: [Order; 0] = [];
    let handled = by.with_batch_context(&none, |batch| ready(batch.len()));
    assert_eq!(handled.now_or_never(), Some(0));
    assert_eq!(spans.ended(), []);
    assert_eq!(meter.series(PROCESS), []);
}

/// Relations and limits are of single messages: the span is no child of a sender's.
#[test]
fn relations_and_limits_do_not_apply() {
    let spans = spans();
    let by = spans.instrumentation.to_builder();
    let by = by
        .with_relation(Relation::Link)
        .with_link_after_age(Duration::from_secs(1))
        .build();
    let tracer = spans.provider.tracer("test");
    let mut message = order(1);
    message.sent_at = Some(SystemTime::now() - Duration::from_secs(60));
    let around = tracer.in_span("around", |around| {
        let (_span, batch) = by.process_batch([message]);
        assert_eq!(
            batch[0].context().span().span_context().trace_id(),
            trace_id(1)
        );
        around.span().span_context().span_id()
    });
    assert_eq!(spans.ended()[0].parent_span_id, around);
}

#[test]
fn what_the_application_asks_for_is_there() {
    let spans = spans();
    let hook = |details: &SpanDetails<'_>, attributes: &mut Attributes| {
        attributes.set("test.operation", details.operation_name());
    };
    let by = spans.instrumentation.to_builder();
    let by = by
        .with_message_sizes()
        .with_captured_headers(["tenant"])
        .with_span_attributes(hook)
        .build();
    let mut messages = orders(1..3);
    for message in &mut messages {
        let tenant = format!("tenant-{}", message.number);
        message.headers.insert("tenant".to_owned(), tenant);
    }
    drop(by.process_batch(&messages));
    let span = spans.only();
    assert_eq!(attribute(&span, "test.operation"), Some("process".into()));
    assert_eq!(
        attribute(&span, "messaging.message.body.size"),
        Some(7.into())
    );
    let tenants: Vec<_> = links(&span, "otel_messaging.header.tenant");
    let tenants: Vec<_> = tenants
        .into_iter()
        .map(|it| it.1.expect("a header"))
        .collect();
    assert_eq!(tenants, [r#"["tenant-1"]"#, r#"["tenant-2"]"#]);
}

#[test]
fn metrics_count_by_message() {
    let (spans, meter) = (spans(), meter());
    let by = spans.instrumentation.to_builder();
    let by = by
        .with_meter_provider(&meter.provider)
        .with_metric_destinations(MetricDestinations::All)
        .build();
    let mut messages = vec![order(1), bare(2), order(3)];
    messages[2].partition = 5;
    for message in &mut messages {
        message.sent_at = Some(SystemTime::now() - Duration::from_secs(2));
    }
    messages[1]
        .headers
        .insert("traceparent".to_owned(), "x".to_owned());
    drop(by.process_batch(&messages));
    let partition = "messaging.destination.partition.id";
    let consumed = meter.counts_by(CONSUMED, partition);
    assert_eq!(
        consumed.into_iter().collect::<Vec<_>>(),
        [("4".to_owned(), 2), ("5".to_owned(), 1)]
    );
    let waited = meter.series(semconv::OTEL_MESSAGING_QUEUE_TIME);
    assert_eq!(waited.iter().map(|it| it.count).sum::<u64>(), 3);
    assert!(waited.iter().map(|it| it.seconds).sum::<f64>() >= 6.0);
    let outcomes = meter.counts_by(OUTCOMES, semconv::OTEL_MESSAGING_PROPAGATION_OUTCOME);
    let expected = [("extracted".to_owned(), 2), ("malformed".to_owned(), 1)];
    assert_eq!(outcomes.into_iter().collect::<Vec<_>>(), expected);
    let took = meter.only(PROCESS);
    assert_eq!(took.count, 1);
    assert_eq!(took.attributes["messaging.destination.name"], "orders");
    assert!(!took.attributes.contains_key(partition), "it differs");
    let span = spans.only();
    let lasted = span
        .end_time
        .duration_since(span.start_time)
        .expect("in order");
    assert!((lasted.as_secs_f64() - took.seconds).abs() < 1e-6);
}

#[test]
fn messages_that_were_received_are_not_counted_again() {
    let (spans, meter) = (spans(), meter());
    let by = spans.instrumentation.to_builder();
    let by = by.with_meter_provider(&meter.provider).build();
    let info = ConsumerInfo::new()
        .with_group("billing")
        .with_queue("bills");
    let consumer = by.consumer(info);
    let messages = consumer.receive(ready(orders(1..4))).now_or_never();
    let messages = messages.expect("ready");
    assert_eq!(meter.only(CONSUMED).count, 3);
    let handled = consumer.with_batch_context(&messages, |_| ready(()));
    assert!(handled.now_or_never().is_some());
    assert_eq!(meter.only(CONSUMED).count, 3);
    let took = meter.only(PROCESS);
    assert_eq!(took.attributes["messaging.consumer.group.name"], "billing");
    let span = &spans.ended()[1];
    assert_eq!(span.name, "process orders:bills");
}

/// A poll of several messages shows them as a batch does.
#[test]
fn a_poll_of_a_list_has_what_differs_on_its_links() {
    let spans = spans();
    let consumer = spans.instrumentation.consumer(ConsumerInfo::new());
    let polled = consumer.receive(ready(orders(1..3))).now_or_never();
    assert!(polled.is_some());
    let span = spans.only();
    assert_eq!(attribute(&span, "test.topic_version"), Some(3.into()));
    assert_eq!(attribute(&span, "test.offset"), None);
    let offsets = [
        (sender(1), Some("1".to_owned())),
        (sender(2), Some("2".to_owned())),
    ];
    assert_eq!(links(&span, "test.offset"), offsets);
}
