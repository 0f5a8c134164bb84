//! The other side: what a program is made to send by its baggage, its propagator and its own
//! headers, and what of that arrives.

use integration_tests::client::{Client, in_time};
use integration_tests::kafka::Kafka;
use integration_tests::nats::{JetStream, Nats};
use integration_tests::rabbitmq::RabbitMq;
use integration_tests::spans::Spans;
use integration_tests::wire::rabbitmq as wire;
use integration_tests::{apply, broker_test};
use lapin::BasicProperties;
use lapin::options::BasicPublishOptions;
use lapin::types::{AMQPValue, FieldTable};
use opentelemetry::baggage::{BaggageExt, BaggageMetadata, KeyValueMetadata};
use opentelemetry::propagation::text_map_propagator::FieldIter;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::{FutureExt, SpanContext, TraceContextExt, TraceState};
use opentelemetry::{Context, KeyValue};
use otel_messaging::Instrumentation;
use otel_messaging::loss::dropped_fields;
use otel_messaging_async_nats::InjectingProducer as NatsProducer;
use otel_messaging_lapin::InjectingProducer as LapinProducer;

/// Line breaks in a context leave encoded or not at all: no client sees one, and on NATS no header
/// more than there is.
#[apply(broker_test)]
async fn line_breaks_in_a_context_are_sent_by_no_client() {
    line_breaks_are_not_sent::<Kafka>().await;
    line_breaks_are_not_sent::<RabbitMq>().await;
    line_breaks_are_not_sent::<Nats>().await;
    line_breaks_are_not_sent::<JetStream>().await;
}

async fn line_breaks_are_not_sent<C: Client>() {
    let (mut client, spans) = (C::connect().await, Spans::new());
    let order = spans.root("order");
    let state = TraceState::from_key_value([("a", "1\r\nx: y")]).unwrap_or_default();
    let of = order.span().span_context().clone();
    let sender = SpanContext::new(of.trace_id(), of.span_id(), of.trace_flags(), true, state);
    let metadata = BaggageMetadata::from("p=1\r\nx: y");
    let context = Context::new()
        .with_remote_span_context(sender)
        .with_baggage([
            KeyValueMetadata::new("tenant", "a\r\nx: y", BaggageMetadata::default()),
            KeyValueMetadata::new("plan", "b", metadata),
            KeyValueMetadata::new("user", "\0\u{7f}ü%\\", BaggageMetadata::default()),
        ]);
    let dropped = dropped_fields();
    let sent = client.send(Some(&spans.instrumentation), &[]);
    let sent = in_time("send", sent.with_context(context)).await;
    sent.expect("the broker takes the message");
    let mut headers = C::headers(&client.receive().await);
    headers.retain(|(name, _)| name != "traceparent");
    let baggage = "tenant=a%0D%0Ax:%20y,user=%00%7F%C3%BC%25%5C";
    assert_eq!(headers, [("baggage".to_owned(), baggage.to_owned())]);
    assert!(dropped_fields() > dropped);
}

/// What a protocol cannot represent is left out and counted; the rest arrives, and the message in
/// any case.
#[apply(broker_test)]
async fn what_a_protocol_cannot_represent_is_left_out() {
    what_arrives::<Kafka>(&["", "a b", "a:b", "lines", &"n".repeat(256)]).await;
    what_arrives::<RabbitMq>(&["", "a b", "a:b", "lines", "nul\0"]).await;
    what_arrives::<Nats>(&[&"n".repeat(256)]).await;
    what_arrives::<JetStream>(&[&"n".repeat(256)]).await;
}

async fn what_arrives<C: Client>(expected: &[&str]) {
    let (mut client, spans) = (C::connect().await, Spans::new());
    let awkward = Awkward::new();
    let fields = awkward.0.len();
    let by = spans
        .instrumentation
        .to_builder()
        .with_propagator(awkward)
        .build();
    let dropped = dropped_fields();
    let given = [("order", "7")];
    let sent = in_time("send", client.send(Some(&by), &given)).await;
    sent.expect("the broker takes the message");
    let headers = C::headers(&client.receive().await);
    let names: Vec<_> = headers.iter().map(|(name, _)| name.as_str()).collect();
    let mut expected = [expected, &["order"]].concat();
    let mut found = names.clone();
    expected.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, expected);
    let left_out = fields + 1 - names.len();
    assert!(dropped_fields() >= dropped + left_out as u64);
}

/// A propagator whose fields are hard to represent.
#[derive(Debug)]
struct Awkward(Vec<String>);

impl Awkward {
    fn new() -> Self {
        let long = "n".repeat(256);
        Self(
            ["", "a b", "a:b", "lines", "nul\0", &long]
                .map(str::to_owned)
                .into(),
        )
    }
}

impl TextMapPropagator for Awkward {
    fn inject_context(&self, _context: &Context, injector: &mut dyn Injector) {
        for field in &self.0 {
            let value = if field == "lines" { "1\r\n2" } else { "1" };
            injector.set(field, value.to_owned());
        }
    }

    fn extract_with_context(&self, context: &Context, _extractor: &dyn Extractor) -> Context {
        context.clone()
    }

    fn fields(&self) -> FieldIter<'_> {
        FieldIter::new(&self.0)
    }
}

/// Each member of the baggage arrives for which the server's limit leaves room, in their order: one that
/// is too large does not take away those behind it.
#[apply(broker_test)]
async fn on_nats_each_member_of_baggage_arrives_for_which_there_is_room() {
    let (mut client, spans) = (Nats::connect().await, Spans::new());
    let producer = NatsProducer::new(client.client.clone())
        .with_instrumentation(spans.instrumentation.clone());
    // It stands before the others, and takes more room than all of them.
    let large = format!("a={}", "x".repeat(300));
    let members: Vec<_> = (0..20)
        .map(|number| format!("key-{number:02}=value"))
        .collect();
    let order = spans.root("order").with_baggage(
        [&large]
            .into_iter()
            .chain(&members)
            .filter_map(|member| member.split_once('='))
            .map(|(key, value)| KeyValue::new(key.to_owned(), value.to_owned())),
    );
    // The block is 12 bytes around the lines, 70 for traceparent, 11 for `baggage: ` and its end;
    // and 4 are kept for what is around a tracestate.
    let room = |baggage: &str| 12 + 70 + 11 + 4 + baggage.len();
    let fit = |fit: usize| members[..fit].join(",");
    let with_large = |fit: usize| format!("{large},{}", members[..fit].join(","));
    for (room, baggage) in [
        (room(&with_large(20)), with_large(20)),
        (room(&with_large(20)) - 1, with_large(19)),
        (room(&large), large.clone()),
        (room(&large) - 1, fit(20)),
        (room(&fit(20)), fit(20)),
        (room(&fit(20)) - 1, fit(19)),
        (room(&fit(7)), fit(7)),
        (room(&fit(7)) - 1, fit(6)),
        (room(&fit(1)), fit(1)),
        (room(&fit(1)) - 1, String::new()),
        (82, String::new()),
    ] {
        let dropped = dropped_fields();
        let payload = vec![b'x'; client.client.max_payload() - room];
        let attached = order.clone().attach();
        let publish = producer.publish(client.destination(), payload.into());
        drop(attached);
        publish.await.expect("it fits");
        let headers = Nats::headers(&client.receive().await);
        let found = headers.iter().filter(|(name, _)| name == "baggage");
        let found: Vec<_> = found.map(|(_, value)| value.as_str()).collect();
        let expected = Some(baggage.as_str()).filter(|baggage| !baggage.is_empty());
        assert_eq!(found, Vec::from_iter(expected), "{room}");
        assert_eq!(headers.len(), found.len() + 1, "and a traceparent");
        // Other tests of this process drop fields too.
        assert!(dropped_fields() > dropped || baggage == with_large(20));
    }
}

/// A budget holds for every client.
#[apply(broker_test)]
async fn no_more_is_sent_than_the_budget() {
    budget_is_kept::<Kafka>().await;
    budget_is_kept::<RabbitMq>().await;
    budget_is_kept::<Nats>().await;
    budget_is_kept::<JetStream>().await;
}

async fn budget_is_kept<C: Client>() {
    let (mut client, spans) = (C::connect().await, Spans::new());
    let members = (0..60).map(|number| KeyValue::new(format!("key-{number}"), "v".repeat(100)));
    let order = spans.root("order").with_baggage(members);
    for budget in [0, 66, 300, 5_000, usize::MAX] {
        let by: Instrumentation = spans
            .instrumentation
            .to_builder()
            .with_injection_budget(budget)
            .build();
        let sent = in_time(
            "send",
            client.send(Some(&by), &[]).with_context(order.clone()),
        )
        .await;
        sent.expect("the broker takes the message");
        let headers = C::headers(&client.receive().await);
        let sizes = headers.iter().map(|(name, value)| name.len() + value.len());
        // The traceparent in any case.
        assert!(sizes.sum::<usize>() <= budget.max(66), "{budget}");
        assert_eq!(headers.len(), if budget > 66 { 2 } else { 1 });
    }
}

/// The headers have to fit into one frame, or the sender's connection ends, or its readers'. Of a
/// context for which the caller's own headers leave no room, baggage is left out, then all of it.
#[apply(broker_test)]
async fn on_rabbitmq_as_much_context_is_sent_as_the_frame_has_room_for() {
    let (mut client, spans) = (RabbitMq::connect().await, Spans::new());
    let room = wire::Connection::open().await.room();
    let producer = LapinProducer::new(client.channel.clone())
        .with_instrumentation(spans.instrumentation.clone());
    let members = [KeyValue::new("a", "1"), KeyValue::new("b", "2")];
    let order = spans.root("order").with_baggage(members);
    // Beyond its name and value, a header takes its length, a tag and the value's length; and 6
    // bytes are kept for what is around a tracestate.
    let header = |name: &str, value: usize| 1 + name.len() + 1 + 4 + value;
    let traceparent = header("traceparent", 55);
    let both = traceparent + header("baggage", "a=1,b=2".len()) + 6;
    for (spare, older, carried) in [
        (both, "", &["traceparent", "a=1,b=2"][..]),
        (both - 1, "", &["traceparent", "a=1"]),
        (traceparent, "", &["traceparent"]),
        (traceparent - 1, "", &[]),
        (0, "", &[]),
        // An older context, of a message that is sent on, makes room, and does not stay.
        (
            0,
            "from=an,older=message,with=some,things=to,say=in,its=baggage,here=1",
            &["traceparent"],
        ),
        (0, "too=little", &[]),
    ] {
        let mut headers = FieldTable::default();
        let mut filler = room - spare - header("x", 0);
        if !older.is_empty() {
            headers.insert("baggage".into(), AMQPValue::LongString(older.into()));
            filler -= header("baggage", older.len());
        }
        headers.insert("x".into(), AMQPValue::LongString(vec![b'x'; filler].into()));
        let dropped = dropped_fields();
        let properties = BasicProperties::default().with_headers(headers);
        let options = BasicPublishOptions::default();
        let attached = order.clone().attach();
        let publish = producer.basic_publish(
            "".into(),
            client.queue.clone(),
            options,
            b"order",
            properties,
        );
        drop(attached);
        let confirm = in_time("published", publish).await.expect("published");
        let confirm = in_time("confirmed", confirm).await.expect("confirmed");
        assert!(confirm.is_ack());
        let received = client.receive().await;
        if carried.is_empty() {
            let names = received.properties.headers().iter();
            let names = names.flat_map(|headers| headers.inner().keys().map(|name| name.as_str()));
            assert_eq!(names.collect::<Vec<_>>(), ["x"], "nor an older context");
        }
        let found = RabbitMq::headers(&received).into_iter();
        let found: Vec<_> = found
            .filter(|(name, _)| name != "x")
            .map(|(name, value)| if name == "baggage" { value } else { name })
            .collect();
        let mut carried = carried.to_vec();
        carried.sort_unstable_by_key(|text| *text == "traceparent");
        assert_eq!(found, carried, "{spare}");
        // Other tests of this process drop fields too.
        assert!(dropped_fields() > dropped || spare == both);
    }
}
