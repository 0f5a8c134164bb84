//! The scenarios on the Kafka cluster that is embedded in librdkafka: no broker is needed. And
//! what only this client has.

use futures_util::StreamExt;
use integration_tests::client::{Client, in_time};
use integration_tests::kafka::{EmbeddedKafka, text_headers};
use integration_tests::spans::{Spans, assert_child, assert_unfailed, attribute, traceparent};
use integration_tests::{apply, two_worker_test};
use opentelemetry::trace::{FutureExt, Status, TraceContextExt};
use otel_messaging_rdkafka::InjectingProducer;
use rdkafka::Message;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Header, Headers, OwnedHeaders};
use rdkafka::producer::{FutureRecord, Producer};
use std::time::Duration;

integration_tests::scenarios!(EmbeddedKafka, needs nothing);
integration_tests::sending_on!(EmbeddedKafka, needs nothing);
integration_tests::sending_batches!(EmbeddedKafka, needs nothing);

/// The loop that the documentation shows: a borrowed message, handled where it is polled.
#[apply(two_worker_test)]
async fn a_borrowed_message_joins() {
    async fn handle(message: &BorrowedMessage<'_>) -> i64 {
        tokio::task::yield_now().await;
        message.offset()
    }

    let (client, spans) = (EmbeddedKafka::connect().await, Spans::new());
    let sent = client.send(Some(&spans.instrumentation), &[]);
    sent.with_context(spans.root("order")).await.expect("sent");
    let mut messages = client.topic().consumer.stream();
    let message = in_time("a message", messages.next()).await;
    let message = message.expect("the stream goes on").expect("a message");
    let offset = spans
        .instrumentation
        .with_message_context(&message, handle)
        .await;
    assert_eq!(offset, 0);

    let destination = client.destination();
    let sent = spans.named(&format!("send {destination}"));
    let processed = spans.named(&format!("process {destination}"));
    assert_child(&processed, &sent.span_context);
    for span in [&sent, &processed] {
        assert_eq!(attribute(span, "kafka.offset"), Some(0.into()));
        let partition = attribute(span, "messaging.destination.partition.id");
        assert_eq!(partition, Some("0".into()));
        let key = attribute(span, "kafka.message.key");
        assert_eq!(key, Some("7".into()));
        assert_eq!(attribute(span, "kafka.message.tombstone"), None);
    }
}

/// A send may be made in one span and awaited in another: it belongs to the first.
#[apply(two_worker_test)]
async fn the_context_is_that_of_the_call() {
    let (client, spans) = (EmbeddedKafka::connect().await, Spans::new());
    let producer = producer(&client, &spans);
    let order = spans.root("order");
    let attached = order.clone().attach();
    let record = FutureRecord::to(&client.topic().name)
        .key("7")
        .payload("order");
    let send = producer.send(record, Duration::from_secs(5));
    drop(attached);
    let sent = in_time("send", send.with_context(spans.root("another order"))).await;
    sent.expect("delivered");
    let sent = spans.named(&format!("send {}", client.destination()));
    assert_child(&sent, order.span().span_context());
}

/// The context is that of the call, and the span ends with the delivery.
#[apply(two_worker_test)]
async fn send_result_lasts_until_the_delivery() {
    let (mut client, spans) = (EmbeddedKafka::connect().await, Spans::new());
    let producer = producer(&client, &spans);
    let order = spans.root("order");
    let attached = order.clone().attach();
    // Without payload: a tombstone.
    let record = FutureRecord::<_, ()>::to(&client.topic().name).key("7");
    let delivery = producer.send_result(record).expect("queued");
    drop(attached);
    let delivery = in_time("a delivery", delivery).await.expect("not canceled");
    delivery.expect("delivered");

    let name = format!("send {}", client.destination());
    let sent = spans.named(&name);
    assert_child(&sent, order.span().span_context());
    assert_unfailed(&sent);
    let tombstone = attribute(&sent, "kafka.message.tombstone");
    assert_eq!(tombstone, Some(true.into()));
    let message = client.receive().await;
    let expected = ("traceparent".to_owned(), traceparent(&sent.span_context));
    assert_eq!(text_headers(&message), [expected]);
}

/// A record in an error has the headers that its caller gave, whichever these were.
#[apply(two_worker_test)]
async fn a_record_comes_back_as_it_was_given() {
    let (client, spans) = (EmbeddedKafka::connect().await, Spans::new());
    let producer = producer(&client, &spans);
    let own = OwnedHeaders::new().insert(Header {
        key: "order",
        value: Some("7"),
    });
    let with_context = own
        .clone()
        .insert(Header {
            key: "Traceparent",
            value: Some("old"),
        })
        .insert(Header::<'_, &str> {
            key: "null",
            value: None,
        });
    for given in [None, Some(own), Some(with_context)] {
        let record = || {
            let mut record = FutureRecord::to(&client.topic().name)
                .key("7")
                .payload("order");
            record.headers = given.clone();
            record.partition(42)
        };
        let expected = given.as_ref().map(list);
        let refused = producer.send(record(), Duration::ZERO).await;
        let (error, message) = refused.expect_err("no such partition");
        let unknown = Some(RDKafkaErrorCode::UnknownPartition);
        assert_eq!(error.rdkafka_error_code(), unknown);
        assert_eq!(message.headers().map(list), expected);
        assert_eq!(message.payload(), Some(&b"order"[..]));
    }
    assert_eq!(spans.all().len(), 3);

    // And from a queue that is full.
    let mut config = rdkafka::ClientConfig::new();
    config.set("bootstrap.servers", "127.0.0.1:1");
    config.set("queue.buffering.max.messages", "1");
    let stuck: rdkafka::producer::FutureProducer = config.create().expect("a producer");
    let producer =
        InjectingProducer::new(stuck).with_instrumentation(spans.instrumentation.clone());
    let record = || FutureRecord::to("orders").key("7").payload("order");
    let first = producer.send_result(record()).expect("queued");
    let (error, second) = producer
        .send_result(record())
        .expect_err("the queue is full");
    assert_eq!(
        error,
        KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull)
    );
    assert!(second.headers.is_none());
    let sent = spans.named("send orders");
    assert_eq!(attribute(&sent, "error.type"), Some("_QUEUE_FULL".into()));
    assert!(matches!(sent.status, Status::Error { .. }));

    // rdkafka's own trait goes through: the stuck record is purged, and its span ends.
    producer.purge(rdkafka::producer::PurgeConfig::default().queue().inflight());
    let purged = in_time("a delivery", first).await.expect("not canceled");
    assert!(purged.is_err());
}

/// Duplicates, null and empty values arrive as they were given, in order.
#[apply(two_worker_test)]
async fn duplicates_and_null_values_arrive_unchanged() {
    let (mut client, spans) = (EmbeddedKafka::connect().await, Spans::new());
    let values = [
        Some(&b"1"[..]),
        None,
        Some(b""),
        Some(b"\xff\x00"),
        Some(b"1"),
    ];
    let given = values
        .into_iter()
        .fold(OwnedHeaders::new(), |headers, value| {
            headers.insert(Header { key: "x", value })
        });
    let record = FutureRecord::to(&client.topic().name)
        .key("7")
        .payload("order")
        .headers(given.clone());
    let delivery = producer(&client, &spans)
        .send(record, Duration::from_secs(5))
        .await;
    delivery.expect("delivered");
    let message = client.receive().await;
    let arrived = list(message.headers().expect("headers"));
    let (last, own) = arrived.split_last().expect("a traceparent");
    assert_eq!(own, list(&given));
    assert_eq!(last.0, "traceparent");
}

/// Without acknowledgements there is no offset; to a given partition there is no second one; and a
/// key that is not clearly text is no attribute.
#[apply(two_worker_test)]
async fn a_span_says_only_what_is_known() {
    let (client, spans) = (EmbeddedKafka::connect().await, Spans::new());
    let plain = client.unacknowledged();
    let producer =
        InjectingProducer::new(plain).with_instrumentation(spans.instrumentation.clone());
    let record = FutureRecord::to(&client.topic().name)
        .key("a\nb")
        .payload("order");
    let delivery = producer
        .send(record.partition(0), Duration::from_secs(5))
        .await;
    delivery.expect("sent");
    let sent = spans.named(&format!("send {}", client.destination()));
    assert_unfailed(&sent);
    assert_eq!(attribute(&sent, "kafka.offset"), None);
    assert_eq!(attribute(&sent, "kafka.message.key"), None);
    let partition = attribute(&sent, "messaging.destination.partition.id");
    assert_eq!(partition, Some("0".into()));

    // -1 is librdkafka's word for any partition; the answer tells which.
    let spans = Spans::new();
    let record = FutureRecord::<str, _>::to(&client.topic().name).payload("order");
    let delivery = self::producer(&client, &spans)
        .send(record.partition(-1), Duration::from_secs(5))
        .await;
    delivery.expect("sent");
    let sent = spans.named(&format!("send {}", client.destination()));
    let partitions = sent
        .attributes
        .iter()
        .filter(|kv| kv.key.as_str() == "messaging.destination.partition.id");
    let partitions: Vec<_> = partitions.map(|kv| kv.value.to_string()).collect();
    assert_eq!(partitions, ["0"]);
}

fn producer(
    client: &EmbeddedKafka,
    spans: &Spans,
) -> InjectingProducer<rdkafka::producer::FutureProducer> {
    InjectingProducer::new(client.topic().producer.clone())
        .with_instrumentation(spans.instrumentation.clone())
}

fn list(headers: &OwnedHeaders) -> Vec<(String, Option<Vec<u8>>)> {
    let headers = headers.iter();
    headers
        .map(|header| (header.key.to_owned(), header.value.map(<[u8]>::to_vec)))
        .collect()
}
