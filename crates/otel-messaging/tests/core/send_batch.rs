//! Messages that are sent together.

use crate::errors::attribute;
use crate::message::{Message, Spans, TRACEPARENT, TestClient, message, spans};
use crate::meter::{Meter, meter};
use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::{
    Link, SpanKind, Status, TraceContextExt, TraceId, Tracer, TracerProvider,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{
    InMemorySpanExporter, Sampler, SamplingResult, SdkTracerProvider, ShouldSample, SpanData,
};
use otel_messaging::adapter::{
    Attributes, DeadLetter, Describe, Destination, MessageInfo, Outcome, Outgoing, Relay, Sender,
    TextMap, semconv,
};
use otel_messaging::instrumentation::{Builder, MetricDestinations};
use otel_messaging::producer::ProducerInfo;
use otel_messaging::{Instrumentation, extract};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, LazyLock, Mutex};
use std::thread;

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
fn what_differs_is_on_the_links() {
    let spans = spans();
    let batch = batch(&spans.instrumentation);
    for number in 0..3 {
        let (outgoing, _) = send(&batch, &Numbered(number));
        let answer = |attributes: &mut Attributes| {
            attributes.set("offset", i64::from(100 + number));
            attributes.set("stream", "ORDERS");
        };
        outgoing.finish(Outcome::Accepted(&answer));
    }
    drop(batch);
    let (_, sending) = parts(&spans);
    assert_eq!(text(&sending, "color").as_deref(), Some("blue"));
    assert_eq!(text(&sending, "stream").as_deref(), Some("ORDERS"));
    let partition = semconv::MESSAGING_DESTINATION_PARTITION_ID;
    for differing in ["number", "offset", partition] {
        assert_eq!(text(&sending, differing), None, "{differing}");
    }
    for (number, link) in sending.links.iter().enumerate() {
        assert_eq!(link.attributes.len(), 3, "{link:?}");
        assert_eq!(of_link(link, "number"), Some(number.to_string()));
        assert_eq!(of_link(link, "offset"), Some((100 + number).to_string()));
        assert_eq!(of_link(link, partition), Some((number % 2).to_string()));
    }
}

#[test]
fn a_batch_of_several_destinations_names_none() {
    for has_create_spans in [true, false] {
        let (spans, meter) = (spans(), meter());
        let by = spans.instrumentation.to_builder();
        let by = by.with_metric_destinations(MetricDestinations::All);
        let by = by.with_meter_provider(&meter.provider);
        let by = by.with_create_spans(has_create_spans).build();
        let batch = batch(&by);
        drop((send(&batch, &ORDERS), send(&batch, &PARCELS), batch));
        let (_, sending) = parts(&spans);
        assert_eq!(sending.name, "publish");
        let name = semconv::MESSAGING_DESTINATION_NAME;
        assert_eq!(text(&sending, name), None);
        let mut linked: Vec<_> = sending.links.iter().map(|it| of_link(it, name)).collect();
        linked.sort();
        let named = ["orders", "parcels"].map(|name| Some(name.to_owned()));
        let expected = if has_create_spans { &named[..] } else { &[] };
        assert_eq!(linked, expected);
        let each = BTreeMap::from([("orders".to_owned(), 1), ("parcels".to_owned(), 1)]);
        assert_eq!(meter.counts_by(SENT, name), each);
        assert_eq!(
            meter.counts_by(DURATION, name),
            BTreeMap::from([(String::new(), 1)])
        );
    }
}

#[test]
fn a_partition_that_the_broker_chose_for_all_is_on_the_send_span() {
    let spans = spans();
    let batch = batch(&spans.instrumentation);
    for _ in 0..2 {
        let (mut outgoing, _) = send(&batch, &ORDERS);
        outgoing.set_partition(7);
        outgoing.finish(Outcome::accepted());
    }
    drop(batch);
    let (created, sending) = parts(&spans);
    let partition = semconv::MESSAGING_DESTINATION_PARTITION_ID;
    assert_eq!(text(&sending, partition).as_deref(), Some("7"));
    let named = |it: &&KeyValue| it.key.as_str() == partition;
    assert_eq!(sending.attributes.iter().filter(named).count(), 1);
    assert_eq!(text(&created[0], partition), None, "it had ended before");
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

#[test]
fn failures_mark_the_send_span() {
    for has_create_spans in [true, false] {
        let (spans, meter) = (spans(), meter());
        let by = spans.instrumentation.to_builder();
        let by = by.with_meter_provider(&meter.provider);
        let batch = batch(&by.with_create_spans(has_create_spans).build());
        for outcome in [
            Outcome::accepted(),
            Outcome::failed("Full", &"no room"),
            Outcome::Unknown,
            Outcome::failed("Closed", &"the channel is closed"),
        ] {
            send(&batch, &ORDERS).0.finish(outcome);
        }
        drop(batch);
        let (created, sending) = parts(&spans);
        assert_eq!(
            sending.status,
            Status::error("2 of 4 messages failed: no room")
        );
        assert_eq!(text(&sending, "error.type").as_deref(), Some("Full"));
        assert!(created.iter().all(|span| span.status == Status::Unset));
        let linked: Vec<_> = sending
            .links
            .iter()
            .map(|it| of_link(it, "error.type"))
            .collect();
        let errors = [None, Some("Full"), None, Some("Closed")].map(|it| it.map(str::to_owned));
        let expected = if has_create_spans { &errors[..] } else { &[] };
        assert_eq!(linked, expected);
        let sent = [("", 2), ("Full", 1), ("Closed", 1)].map(|(key, n)| (key.to_owned(), n));
        assert_eq!(meter.counts_by(SENT, "error.type"), BTreeMap::from(sent));
        let took = BTreeMap::from([("Full".to_owned(), 1)]);
        assert_eq!(meter.counts_by(DURATION, "error.type"), took);
    }
}

const SENT: &str = semconv::MESSAGING_CLIENT_SENT_MESSAGES;
const DURATION: &str = semconv::MESSAGING_CLIENT_OPERATION_DURATION;

fn measured(meter: &Meter) -> Builder {
    Instrumentation::builder().with_meter_provider(&meter.provider)
}

/// Also without spans.
#[test]
fn metrics_count_messages_and_time_the_batch() {
    for has_create_spans in [true, false] {
        let meter = meter();
        let by = measured(&meter).with_destination_template("order{all}");
        let batch = batch(&by.with_create_spans(has_create_spans).build());
        for _ in 0..5 {
            send(&batch, &ORDERS).0.finish(Outcome::accepted());
        }
        assert_eq!(meter.series(DURATION), []);
        drop(batch);
        let common = [
            ("messaging.system.name", "test"),
            ("messaging.operation.name", "publish"),
            ("messaging.destination.template", "order{all}"),
            ("server.address", "mq.internal"),
            ("server.port", "5672"),
        ];
        let own = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
        let mut expected: BTreeMap<_, _> = common.map(own).into();
        let sent = meter.only(SENT);
        assert_eq!((sent.count, &sent.attributes), (5, &expected));
        let took = meter.only(DURATION);
        expected.extend([own(("messaging.operation.type", "send"))]);
        assert_eq!((took.count, &took.attributes), (1, &expected));
    }
}

#[test]
fn a_message_that_was_never_handed_over_does_not_count() {
    for has_create_spans in [true, false] {
        let (spans, meter) = (spans(), meter());
        let by = spans.instrumentation.to_builder();
        let by = by.with_meter_provider(&meter.provider);
        let by = by.with_create_spans(has_create_spans).build();
        let only_made = batch(&by);
        drop((only_made.outgoing("publish", &ORDERS), only_made));
        assert_eq!(meter.series(SENT), []);
        assert_eq!(meter.series(DURATION), []);
        let made = spans.only().name;
        // Without create spans the send span had to start with the batch.
        assert_eq!(
            made,
            if has_create_spans {
                "create orders"
            } else {
                "publish"
            }
        );

        let batch = batch(&by);
        let made = batch.outgoing("publish", &ORDERS);
        drop(send(&batch, &ORDERS));
        drop((batch, made));
        assert_eq!(meter.only(SENT).count, 1);
        let ended = spans.ended();
        let sending = ended.iter().find(|span| span.name == "publish orders");
        let sending = sending.expect("a message was sent");
        assert_eq!(
            text(sending, "messaging.batch.message_count").as_deref(),
            Some("1")
        );
        assert_eq!(sending.links.iter().count(), usize::from(has_create_spans));
    }
}

#[test]
fn a_batch_in_which_nothing_is_sent_leaves_nothing() {
    let (spans, meter) = (spans(), meter());
    let by = spans.instrumentation.to_builder();
    drop(batch(&by.with_meter_provider(&meter.provider).build()));
    assert_eq!(spans.ended().len(), 0);
    assert_eq!(meter.series(DURATION), []);
}

/// Whoever holds a handle or a message, on whatever thread.
#[test]
fn the_send_span_ends_with_the_last_that_holds_the_batch() {
    let spans = spans();
    let batch = batch(&spans.instrumentation);
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let batch = batch.clone();
            thread::spawn(move || (0..25).map(|_| send(&batch, &ORDERS).0).collect::<Vec<_>>())
        })
        .collect();
    let mut sent = Vec::new();
    for thread in threads {
        sent.extend(thread.join().expect("nothing panics"));
    }
    drop(batch);
    let last = sent.pop().expect("100 messages");
    sent.into_iter()
        .for_each(|it| it.finish(Outcome::accepted()));
    assert_eq!(spans.ended().len(), 100);
    thread::spawn(move || drop(last))
        .join()
        .expect("nothing panics");
    let (created, sending) = parts(&spans);
    assert_eq!((created.len(), sending.links.len()), (100, 100));
    assert_eq!(
        text(&sending, "messaging.batch.message_count").as_deref(),
        Some("100")
    );
}

#[test]
fn a_batch_ends_in_a_panic() {
    let spans = spans();
    let unwound = catch_unwind(AssertUnwindSafe(|| {
        let batch = batch(&spans.instrumentation);
        let _sent = send(&batch, &ORDERS);
        panic!("in the middle");
    }));
    assert!(unwound.is_err());
    let (created, sending) = parts(&spans);
    assert_eq!((created.len(), sending.links.len()), (1, 1));
    assert_eq!(sending.status, Status::Unset);
}

#[test]
fn a_panic_of_the_application_s_telemetry_does_not_reach_the_messages() {
    let spans = spans();
    for has_create_spans in [true, false] {
        let by = spans.instrumentation.to_builder();
        let by = by
            .with_span_attributes(|_, _| panic!("a hook"))
            .with_create_spans(has_create_spans);
        let batch = batch(&by.build());
        let (outgoing, headers) = send(&batch, &ORDERS);
        outgoing.finish(Outcome::accepted());
        drop(batch);
        assert!(headers.contains_key("traceparent"));
    }
    assert_eq!(spans.ended().len(), 3);
}

#[test]
fn a_forwarded_message_of_a_batch_keeps_its_context() {
    for has_create_spans in [true, false] {
        let (spans, meter) = (spans(), meter());
        let by = spans.instrumentation.to_builder();
        let by = by.with_meter_provider(&meter.provider);
        let batch = batch(&by.with_create_spans(has_create_spans).build());
        let mut headers = message().headers;
        let before = headers.clone();
        let forward = Relay::Forward;
        let forwarded = batch.relay(forward, "publish", &Numbered(7), &mut headers, None);
        assert!(forwarded.keeps_context());
        forwarded.inject(&mut headers, None);
        assert_eq!(headers, before);
        forwarded.finish(Outcome::accepted());
        drop((send(&batch, &ORDERS), batch));
        let (created, sending) = parts(&spans);
        assert_eq!(created.len(), usize::from(has_create_spans));
        let sender = extract(&before).span().span_context().span_id();
        assert_eq!(sending.links[0].span_context.span_id(), sender);
        assert_eq!(of_link(&sending.links[0], "number").as_deref(), Some("7"));
        assert_eq!(sending.links.len(), 1 + created.len());
        assert_eq!(
            text(&sending, "messaging.batch.message_count").as_deref(),
            Some("2")
        );
        assert_eq!(meter.series(SENT).iter().map(|it| it.count).sum::<u64>(), 2);
    }
}

#[test]
fn a_message_that_is_sent_on_anew_is_linked_to_its_sender() {
    let spans = spans();
    let batch = batch(&spans.instrumentation);
    let letter = DeadLetter::new(Destination::named("orders"), &"no such article");
    for relay in [Relay::Republish, Relay::DeadLetter(&letter)] {
        let mut headers = message().headers;
        let outgoing = batch.relay(relay, "publish", &PARCELS, &mut headers, None);
        outgoing.inject(&mut headers, None);
        assert_ne!(headers["traceparent"], TRACEPARENT);
        outgoing.finish(Outcome::accepted());
    }
    drop(batch);
    let (created, sending) = parts(&spans);
    let sender = extract(&message().headers).span().span_context().span_id();
    for created in &created {
        let links: Vec<_> = created
            .links
            .iter()
            .map(|it| it.span_context.span_id())
            .collect();
        assert_eq!(links, [sender]);
    }
    let error = semconv::OTEL_MESSAGING_DEAD_LETTER_ERROR;
    assert_eq!(text(&created[1], error).as_deref(), Some("no such article"));
    let linked = sending.links.iter().map(|link| &link.span_context);
    assert!(linked.eq(created.iter().map(|span| &span.span_context)));
}

#[test]
fn without_spans_the_current_context_goes_out() {
    let builder = Instrumentation::builder;
    for has_create_spans in [true, false] {
        let by = builder().with_create_spans(has_create_spans).build();
        let _attached = extract(&message().headers).attach();
        let batch = batch(&by);
        let (outgoing, headers) = send(&batch, &ORDERS);
        outgoing.finish(Outcome::failed("Full", &"no room"));
        assert_eq!(headers["traceparent"], TRACEPARENT);
    }
}

#[test]
fn a_disabled_batch_does_nothing() {
    let batch = batch(&Instrumentation::disabled());
    let (outgoing, headers) = send(&batch, &ORDERS);
    outgoing.finish(Outcome::accepted());
    assert!(headers.is_empty());
}

#[test]
fn a_message_in_a_suppressed_context_has_no_part_in_the_batch() {
    for has_create_spans in [true, false] {
        let (spans, meter) = (spans(), meter());
        let by = spans.instrumentation.to_builder();
        let by = by.with_meter_provider(&meter.provider);
        let batch = batch(&by.with_create_spans(has_create_spans).build());
        drop(send(&batch, &ORDERS));
        {
            let _suppressed = Context::enter_telemetry_suppressed_scope();
            let (outgoing, headers) = send(&batch, &ORDERS);
            outgoing.finish(Outcome::accepted());
            assert!(headers.is_empty());
        }
        drop(batch);
        let (_, sending) = parts(&spans);
        assert_eq!(
            text(&sending, "messaging.batch.message_count").as_deref(),
            Some("1")
        );
        assert_eq!(meter.only(SENT).count, 1);
    }
}

#[test]
fn an_unsampled_batch_carries_its_contexts() {
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder()
        .with_simple_exporter(exporter.clone())
        .with_sampler(Sampler::AlwaysOff)
        .build();
    let by = Instrumentation::builder().with_tracer_provider(&provider);
    for has_create_spans in [true, false] {
        let batch = batch(&by.clone().with_create_spans(has_create_spans).build());
        let (outgoing, headers) = send(&batch, &Numbered(1));
        outgoing.finish(Outcome::accepted());
        drop(batch);
        assert!(headers["traceparent"].ends_with("-00"));
    }
    let exported = exporter.get_finished_spans().expect("in memory");
    assert!(exported.is_empty(), "{exported:?}");
}

/// What a sampler is shown: the name, the number of links, and the destination.
type Shown = (String, usize, Option<String>);

#[derive(Debug, Clone, Default)]
struct Watching(Arc<Mutex<Vec<Shown>>>);

impl ShouldSample for Watching {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        trace_id: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        let key = semconv::MESSAGING_DESTINATION_NAME;
        let destination = attributes.iter().find(|it| it.key.as_str() == key);
        let destination = destination.map(|it| it.value.to_string());
        let shown = (name.to_owned(), links.len(), destination);
        self.0.lock().expect("no panic").push(shown);
        Sampler::AlwaysOn.should_sample(parent, trace_id, name, kind, attributes, links)
    }
}

#[test]
fn a_sampler_sees_the_links_of_the_send_span() {
    let watching = Watching::default();
    let provider = SdkTracerProvider::builder()
        .with_sampler(watching.clone())
        .build();
    let by = Instrumentation::builder().with_tracer_provider(&provider);
    let batch = batch(&by.build());
    drop((send(&batch, &ORDERS), send(&batch, &ORDERS), batch));
    let orders = || Some("orders".to_owned());
    let created = ("create orders".to_owned(), 0, orders());
    let sending = ("publish orders".to_owned(), 2, orders());
    let shown = watching.0.lock().expect("no panic");
    assert_eq!(*shown, [created.clone(), created, sending]);
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
