//! Messages that are sent together.

mod attributes;
mod ending;
mod sampling;
mod sent_on;
mod untraced;

use crate::errors::attribute;
use crate::message::{Message, Spans, TestClient, spans};
use crate::meter::meter;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::{Link, SpanKind, Status, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::SpanData;
use otel_messaging::adapter::{
    Attributes, Describe, Destination, MessageInfo, Outcome, Outgoing, Sender, TextMap, semconv,
};
use otel_messaging::producer::ProducerInfo;
use otel_messaging::{Instrumentation, extract};
use std::collections::BTreeMap;
use std::sync::LazyLock;

type Headers = BTreeMap<String, String>;

/// A message to a destination, of a producer that knows itself.
struct Sent(&'static str);

const ORDERS: Sent = Sent("orders");
const PARCELS: Sent = Sent("parcels");

static PRODUCER: LazyLock<ProducerInfo> = LazyLock::new(|| {
    let info = ProducerInfo::new().with_client_id("shop-1");
    info.with_server("mq.internal", 5672)
});

impl Describe<TextMap> for Sent {
    type Client = TestClient;

    fn destination(&self) -> Destination<'_> {
        Destination::named(self.0)
    }

    fn producer_info(&self) -> Option<&ProducerInfo> {
        Some(&PRODUCER)
    }
}

/// A message with a number of its own, and with something that all have.
struct Numbered(u32);

impl Describe<TextMap> for Numbered {
    type Client = TestClient;

    fn destination(&self) -> Destination<'_> {
        Destination::named("orders")
    }

    fn message_info(&self) -> MessageInfo<'_> {
        MessageInfo::new(self.destination()).with_partition(Some(self.0 % 2))
    }

    fn set_attributes(&self, _: &MessageInfo<'_>, attributes: &mut Attributes) {
        attributes.set("number", i64::from(self.0));
        attributes.set("color", "blue");
    }
}

fn by(instrumentation: &Instrumentation) -> Sender {
    let mut sender = Sender::default();
    sender.set_instrumentation(instrumentation.clone());
    sender
}

fn batch(instrumentation: &Instrumentation) -> Sender {
    by(instrumentation).batch::<TestClient>("publish", &PRODUCER)
}

fn send(batch: &Sender, message: &impl Describe<TextMap>) -> (Outgoing, Headers) {
    let mut outgoing = batch.outgoing("publish", message);
    let mut headers = Headers::new();
    outgoing.inject(&mut headers, None);
    outgoing.hand_over();
    (outgoing, headers)
}

fn without_create_spans(spans: &Spans) -> Instrumentation {
    let builder = spans.instrumentation.to_builder();
    builder.with_create_spans(false).build()
}

/// The create spans, and the span of the sending.
fn parts(spans: &Spans) -> (Vec<SpanData>, SpanData) {
    let is_created = |span: &SpanData| span.name.starts_with("create");
    let (created, mut others): (Vec<_>, Vec<_>) = spans.ended().into_iter().partition(is_created);
    assert_eq!(others.len(), 1, "{others:#?}");
    (created, others.remove(0))
}

fn of_link(link: &Link, key: &str) -> Option<String> {
    let found = link.attributes.iter().find(|it| it.key.as_str() == key);
    found.map(|found| found.value.to_string())
}

fn text(span: &SpanData, key: &str) -> Option<String> {
    attribute(span, key).map(|value| value.to_string())
}

const SENT: &str = semconv::MESSAGING_CLIENT_SENT_MESSAGES;
const DURATION: &str = semconv::MESSAGING_CLIENT_OPERATION_DURATION;

#[test]
fn each_message_has_a_create_span_and_all_have_one_send_span() {
    let spans = spans();
    let tracer = spans.provider.tracer("shop");
    let batch = batch(&spans.instrumentation);
    let (mut sent, mut callers) = (Vec::new(), Vec::new());
    for _ in 0..100 {
        tracer.in_span("order", |context| {
            callers.push(context.span().span_context().clone());
            sent.push(send(&batch, &ORDERS));
        });
    }
    let headers: Vec<_> = sent.iter().map(|(_, headers)| headers.clone()).collect();
    assert_eq!(spans.ended().len(), 200, "the send span has not ended");
    drop(batch);
    for (outgoing, _) in sent {
        outgoing.finish(Outcome::accepted());
    }

    let ended = spans.ended();
    let created: Vec<_> = ended
        .iter()
        .filter(|it| it.name == "create orders")
        .collect();
    assert_eq!(created.len(), 100);
    let sending: Vec<_> = ended
        .iter()
        .filter(|it| it.name == "publish orders")
        .collect();
    let [sending] = sending[..] else {
        panic!("{sending:#?}");
    };
    assert_eq!(sending.span_kind, SpanKind::Client);
    assert_eq!(sending.status, Status::Unset);
    let expected = [
        KeyValue::new("messaging.system.name", "test"),
        KeyValue::new("messaging.operation.name", "publish"),
        KeyValue::new("messaging.operation.type", "send"),
        KeyValue::new("messaging.destination.name", "orders"),
        KeyValue::new("server.address", "mq.internal"),
        KeyValue::new("server.port", 5672),
        KeyValue::new("messaging.client.id", "shop-1"),
        KeyValue::new("messaging.batch.message_count", 100),
    ];
    assert_eq!(sending.attributes, expected);
    assert_eq!(sending.links.len(), 100);
    for (n, created) in created.iter().enumerate() {
        assert_eq!(created.span_kind, SpanKind::Producer);
        assert_eq!(created.status, Status::Unset);
        assert_eq!(created.parent_span_id, callers[n].span_id());
        assert_eq!(sending.links[n].span_context, created.span_context);
        assert_eq!(sending.links[n].attributes, []);
        let carried = extract(&headers[n]);
        let carried = carried.span().span_context().clone();
        assert_eq!(carried.span_id(), created.span_context.span_id());
        assert_eq!(carried.trace_id(), callers[n].trace_id());
        let expected = [
            KeyValue::new("messaging.system.name", "test"),
            KeyValue::new("messaging.operation.name", "create"),
            KeyValue::new("messaging.operation.type", "create"),
            KeyValue::new("messaging.destination.name", "orders"),
            KeyValue::new("server.address", "mq.internal"),
            KeyValue::new("server.port", 5672),
        ];
        assert_eq!(created.attributes, expected);
    }
}

#[test]
fn the_send_span_is_a_child_of_the_context_in_which_the_batch_began() {
    for has_create_spans in [true, false] {
        let spans = spans();
        let by = spans.instrumentation.to_builder();
        let by = by.with_create_spans(has_create_spans).build();
        let tracer = spans.provider.tracer("shop");
        let (batch, parent) = tracer.in_span("import", |context| {
            (batch(&by), context.span().span_context().clone())
        });
        // Whoever began it does not wait for it.
        assert_eq!(spans.only().name, "import");
        drop((send(&batch, &ORDERS), batch));
        let ended = spans.ended();
        let sending = ended.last().expect("it has ended");
        assert_eq!(sending.name, "publish orders");
        assert_eq!(sending.parent_span_id, parent.span_id());
    }
}

#[test]
fn without_create_spans_all_messages_carry_the_send_span() {
    let (spans, meter) = (spans(), meter());
    let by = without_create_spans(&spans).to_builder();
    let by = by.with_meter_provider(&meter.provider).build();
    let batch = batch(&by);
    let mut carried = Vec::new();
    for tenant in ["a", "b"] {
        let baggage = Context::current_with_baggage([KeyValue::new("tenant", tenant)]);
        let _attached = baggage.attach();
        let (outgoing, headers) = send(&batch, &Numbered(7));
        outgoing.finish(Outcome::accepted());
        carried.push(headers);
    }
    assert_eq!(spans.ended().len(), 0);
    drop(batch);
    let sending = spans.only();
    assert_eq!(sending.name, "publish orders");
    assert_eq!(sending.span_kind, SpanKind::Producer);
    assert_eq!(sending.links.iter().count(), 0);
    for (key, value) in [
        ("messaging.operation.name", "publish"),
        ("messaging.operation.type", "send"),
        ("messaging.destination.name", "orders"),
        ("messaging.destination.partition.id", "1"),
        ("messaging.client.id", "shop-1"),
        ("messaging.batch.message_count", "2"),
        ("number", "7"),
    ] {
        let found = sending
            .attributes
            .iter()
            .filter(|it| it.key.as_str() == key);
        let found: Vec<_> = found.map(|it| it.value.to_string()).collect();
        assert_eq!(found, [value], "{key}");
    }
    for (headers, tenant) in carried.iter().zip(["a", "b"]) {
        let carried = extract(headers);
        let span = carried.span().span_context().clone();
        assert_eq!(span.span_id(), sending.span_context.span_id());
        assert_eq!(
            carried.baggage().get("tenant").map(|it| it.as_str()),
            Some(tenant)
        );
    }
    assert_eq!(meter.only(SENT).count, 2);
    assert_eq!(meter.only(DURATION).count, 1);
}

/// Its handling is a child of its own create span.
#[test]
fn a_message_of_a_batch_is_handled_as_any_other() {
    let spans = spans();
    let batch = batch(&spans.instrumentation);
    let (outgoing, headers) = send(&batch, &ORDERS);
    drop((outgoing, batch));
    let received = Message { headers };
    drop(spans.instrumentation.process(&received));
    let ended = spans.ended();
    let named = |name: &str| ended.iter().find(|span| span.name == name).expect("a span");
    let (created, handled) = (named("create orders"), named("process orders"));
    assert_eq!(handled.parent_span_id, created.span_context.span_id());
    assert_eq!(
        handled.span_context.trace_id(),
        created.span_context.trace_id()
    );
}

/// A message that is started by hand, outside of any producer, is not of the batch.
#[test]
fn only_what_its_handle_sends_is_in_the_batch() {
    let spans = spans();
    let batch = batch(&spans.instrumentation);
    drop(by(&spans.instrumentation).outgoing("publish", &ORDERS));
    assert_eq!(spans.only().span_kind, SpanKind::Producer);
    drop(batch);
    assert_eq!(spans.ended().len(), 1);
}
