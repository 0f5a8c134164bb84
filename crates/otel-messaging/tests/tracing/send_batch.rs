//! Batches that are sent from spans of `tracing`.

use crate::message::{Sent, TestClient, spans};
use crate::{assert_child, named, subscribe};
use opentelemetry::trace::TraceContextExt;
use opentelemetry::trace::{SpanKind, Status};
use opentelemetry_sdk::trace::SpanData;
use otel_messaging::adapter::{Destination, Outcome, Outgoing, Sender};
use otel_messaging::producer::ProducerInfo;
use otel_messaging::{Instrumentation, extract};
use std::collections::BTreeMap;
use tracing::info_span;

fn send(batch: &Sender) -> (Outgoing, BTreeMap<String, String>) {
    let sent = Sent(Destination::named("orders"));
    let mut outgoing = batch.outgoing("send", &sent);
    let mut headers = BTreeMap::new();
    outgoing.inject(&mut headers, None);
    outgoing.hand_over();
    (outgoing, headers)
}

fn batch(has_create_spans: bool) -> Sender {
    let mut sender = Sender::default();
    let by = Instrumentation::builder().with_create_spans(has_create_spans);
    sender.set_instrumentation(by.build());
    sender.batch::<TestClient>("send", &ProducerInfo::new())
}

fn count(span: &SpanData) -> Option<String> {
    let key = "messaging.batch.message_count";
    let found = span.attributes.iter().find(|it| it.key.as_str() == key);
    found.map(|it| it.value.to_string())
}

#[test]
fn create_spans_are_children_of_the_spans_of_their_calls() {
    for activation in [true, false] {
        let spans = spans();
        let _subscribed = subscribe(&spans, activation);
        let import = info_span!("import").entered();
        let batch = batch(true);
        let order = info_span!("order").entered();
        let (outgoing, headers) = send(&batch);
        drop(order);
        let created = named(&spans, "create orders");
        outgoing.finish(Outcome::failed("Full", &"no room"));
        drop(import);
        drop(batch);

        assert_child(&created, &named(&spans, "order").span_context);
        assert_eq!(created.span_kind, SpanKind::Producer);
        let sending = named(&spans, "send orders");
        assert_child(&sending, &named(&spans, "import").span_context);
        assert_eq!(sending.span_kind, SpanKind::Client);
        assert_eq!(
            sending.status,
            Status::error("1 of 1 messages failed: no room")
        );
        assert_eq!(count(&sending).as_deref(), Some("1"));
        let linked: Vec<_> = sending
            .links
            .iter()
            .map(|it| it.span_context.span_id())
            .collect();
        assert_eq!(linked, [created.span_context.span_id()]);
        let carried = extract(&headers).span().span_context().span_id();
        assert_eq!(carried, created.span_context.span_id());
        assert_eq!(spans.ended().len(), 4);
    }
}

#[test]
fn without_create_spans_the_span_of_the_sending_is_named_at_its_end() {
    for activation in [true, false] {
        let spans = spans();
        let _subscribed = subscribe(&spans, activation);
        let import = info_span!("import").entered();
        let batch = batch(false);
        let (outgoing, headers) = send(&batch);
        outgoing.finish(Outcome::accepted());
        drop((send(&batch), batch));
        drop(import);

        let sending = named(&spans, "send orders");
        assert_child(&sending, &named(&spans, "import").span_context);
        assert_eq!(sending.span_kind, SpanKind::Producer);
        assert_eq!(count(&sending).as_deref(), Some("2"));
        let carried = extract(&headers).span().span_context().span_id();
        assert_eq!(carried, sending.span_context.span_id());
        assert_eq!(spans.ended().len(), 2);
    }
}

#[test]
fn a_batch_in_which_nothing_is_sent_leaves_nothing() {
    let spans = spans();
    let _subscribed = subscribe(&spans, true);
    drop(batch(true));
    assert_eq!(spans.ended().len(), 0);
}
