//! A queue that is full: the record comes back as its caller made it, and may be sent again.
#![expect(clippy::result_large_err, reason = "rdkafka's own type")]

use crate::book::{Book, Opaque};
use integration_tests::client::PATIENCE;
use integration_tests::kafka::{Topic, text_headers};
use integration_tests::spans::{Spans, assert_unfailed, attribute, traceparent};
use integration_tests::{apply, broker_test};
use otel_messaging_rdkafka::{InjectingContext, InjectingProducer, UntilQueuedProducer};
use rdkafka::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, Headers, OwnedHeaders};
use rdkafka::producer::{
    BaseProducer, BaseRecord, FutureProducer, FutureRecord, Producer, ThreadedProducer,
};
use std::sync::Arc;

/// One record at a time, which waits for a second one until it is flushed. Not for long: rdkafka's flush
/// tells librdkafka to hurry for a moment only, again and again, which a busy machine may miss.
fn small(topic: &Topic) -> ClientConfig {
    let mut config = topic.config();
    config.set("queue.buffering.max.messages", "1");
    config.set("queue.buffering.max.ms", "5000");
    config
}

fn given() -> OwnedHeaders {
    let header = |key, value| Header {
        key,
        value: Some(value),
    };
    OwnedHeaders::new()
        .insert(header("order", "7"))
        .insert(header("traceparent", "the caller's own"))
}

type Record<'a> = BaseRecord<'a, str, str, Opaque>;

async fn retry<'a>(
    topic: &'a Topic,
    spans: &Spans,
    send: impl Fn(Record<'a>) -> Result<(), (KafkaError, Record<'a>)>,
    flush: impl Fn(),
) {
    let opaques: [Opaque; 2] = ["first", "second"].map(Arc::new);
    let record = |opaque: &Opaque| {
        let record = BaseRecord::with_opaque_to(&topic.name, Arc::clone(opaque));
        let record = record.key(**opaque).payload("order").headers(given());
        record.partition(0).timestamp(1_000)
    };
    assert!(send(record(&opaques[0])).is_ok());
    let refused = send(record(&opaques[1]));
    let (error, returned) = refused.expect_err("the queue is full");
    let full = KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull);
    assert_eq!(error, full);
    let headers = returned.headers.as_ref().expect("its headers");
    assert_eq!(list(headers), list(&given()));
    assert!(Arc::ptr_eq(&returned.delivery_opaque, &opaques[1]));
    assert_eq!(Arc::strong_count(&opaques[1]), 2);
    let rest = (
        returned.key,
        returned.payload,
        returned.partition,
        returned.timestamp,
    );
    assert_eq!(rest, (Some("second"), Some("order"), Some(0), Some(1_000)));

    flush();
    assert!(send(returned).is_ok());
    flush();
    let mut of_second: Vec<_> = spans.all();
    let second = Some("second".into());
    of_second.retain(|span| attribute(span, "kafka.message.key") == second);
    let [failed, sent] = &of_second[..] else {
        panic!("{} spans", of_second.len());
    };
    let error_type = attribute(failed, "error.type");
    assert_eq!(error_type, Some("_QUEUE_FULL".into()));
    assert_unfailed(sent);

    topic.receive().await;
    let message = topic.receive().await;
    let expected = [
        ("order", "7".to_owned()),
        ("traceparent", traceparent(&sent.span_context)),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value));
    assert_eq!(text_headers(&message), expected);
}

fn list(headers: &OwnedHeaders) -> Vec<(String, Option<Vec<u8>>)> {
    let all = headers.iter();
    all.map(|header| (header.key.to_owned(), header.value.map(<[u8]>::to_vec)))
        .collect()
}

#[apply(broker_test)]
async fn of_a_base_producer() {
    let (topic, spans) = (Topic::on_brokers(1).await, Arc::new(Spans::new()));
    let context = InjectingContext::new(Book::new(&spans));
    let producer: BaseProducer<_> = small(&topic)
        .create_with_context(context)
        .expect("a producer");
    let producer =
        InjectingProducer::new(producer).with_instrumentation(spans.instrumentation.clone());
    let flush = || producer.flush(PATIENCE).expect("nothing is left");
    retry(&topic, &spans, |record| producer.send(record), flush).await;
}

#[apply(broker_test)]
async fn of_a_threaded_producer() {
    let (topic, spans) = (Topic::on_brokers(1).await, Arc::new(Spans::new()));
    let context = InjectingContext::new(Book::new(&spans));
    let producer: ThreadedProducer<_> = small(&topic)
        .create_with_context(context)
        .expect("a producer");
    let producer =
        InjectingProducer::new(producer).with_instrumentation(spans.instrumentation.clone());
    let flush = || producer.flush(PATIENCE).expect("nothing is left");
    retry(&topic, &spans, |record| producer.send(record), flush).await;
}

#[apply(broker_test)]
async fn of_a_producer_without_our_context() {
    let (topic, spans) = (Topic::on_brokers(1).await, Arc::new(Spans::new()));
    let book = Book::new(&spans);
    let producer: BaseProducer<_> = small(&topic).create_with_context(book).expect("a producer");
    let producer =
        UntilQueuedProducer::new(producer).with_instrumentation(spans.instrumentation.clone());
    let flush = || producer.flush(PATIENCE).expect("nothing is left");
    retry(&topic, &spans, |record| producer.send(record), flush).await;
}

/// The refused record counts, and is linked, as one that was not sent.
#[apply(broker_test)]
async fn in_a_batch() {
    let (topic, spans) = (Topic::on_brokers(1).await, Arc::new(Spans::new()));
    let context = InjectingContext::new(Book::new(&spans));
    let producer: ThreadedProducer<_> = small(&topic)
        .create_with_context(context)
        .expect("a producer");
    let producer =
        InjectingProducer::new(producer).with_instrumentation(spans.instrumentation.clone());
    let batch = producer.batch();
    let record = |opaque: &'static str| {
        let record = Record::with_opaque_to(&topic.name, Arc::new(opaque));
        record.key(opaque).payload("order").headers(given())
    };
    assert!(batch.send(record("first")).is_ok());
    let refused = batch.send(record("second"));
    let (_, returned) = refused.expect_err("the queue is full");
    let headers = returned.headers.as_ref().expect("its headers");
    assert_eq!(list(headers), list(&given()));
    producer.flush(PATIENCE).expect("nothing is left");
    assert!(batch.send(returned).is_ok());
    drop(batch);
    producer.flush(PATIENCE).expect("nothing is left");

    let sending = spans.named(&format!("send {}", topic.name));
    let count = attribute(&sending, "messaging.batch.message_count");
    assert_eq!(count, Some(3.into()));
    assert_eq!(
        attribute(&sending, "error.type"),
        Some("_QUEUE_FULL".into())
    );
    let failed = sending.links.iter().map(|link| {
        let mut attributes = link.attributes.iter();
        attributes.any(|it| it.key.as_str() == "error.type")
    });
    assert_eq!(failed.filter(|has_failed| *has_failed).count(), 1);
    let created = spans.all();
    let created: Vec<_> = created
        .iter()
        .filter(|it| it.name != sending.name)
        .collect();
    let carried = [topic.receive().await, topic.receive().await].map(|message| {
        let headers = text_headers(&message).into_iter();
        let mut fields = headers.filter(|(name, _)| name == "traceparent");
        let field = fields.next().expect("a context");
        assert!(fields.next().is_none(), "one context");
        field.1
    });
    // The second of the three was refused.
    let expected = [0, 2].map(|place| traceparent(&created[place].span_context));
    assert_eq!(carried, expected);
}

/// The `FutureProducer` waits and tries again itself: one span, one traceparent.
#[apply(broker_test)]
async fn of_a_future_producer() {
    let (topic, spans) = (Topic::on_brokers(1).await, Spans::new());
    let producer: FutureProducer = small(&topic).create().expect("a producer");
    let producer =
        InjectingProducer::new(producer).with_instrumentation(spans.instrumentation.clone());
    let record = |key: &'static str| FutureRecord::to(&topic.name).key(key).payload("order");
    let first = producer.send_result(record("first"));
    let first = first.map_err(|(error, _)| error).expect("queued");
    let (_, returned) = producer.send_result(record("refused")).expect_err("full");
    assert!(returned.headers.is_none());
    let second = producer.send(record("second").headers(given()), PATIENCE);
    tokio::pin!(second);
    let second = loop {
        let producer = producer.clone();
        let flush = tokio::task::spawn_blocking(move || producer.flush(PATIENCE));
        tokio::select! {
            biased;
            delivery = &mut second => break delivery,
            flushed = flush => flushed.expect("no panic").expect("nothing is left"),
        }
    };
    first.await.expect("not canceled").expect("delivered");
    second.expect("delivered");

    topic.receive().await;
    let message = topic.receive().await;
    let found: Vec<_> = text_headers(&message)
        .into_iter()
        .filter(|(name, _)| name == "traceparent")
        .collect();
    let mut sent = spans.all().into_iter();
    let second = Some("second".into());
    let sent = sent.find(|span| attribute(span, "kafka.message.key") == second);
    let sent = sent.expect("the span of the second");
    assert_unfailed(&sent);
    let expected = ("traceparent".to_owned(), traceparent(&sent.span_context));
    assert_eq!(found, [expected]);
    assert_eq!(spans.all().len(), 3);
}
