//! What a record is when it arrives, and what its span says.

use integration_tests::client::{PATIENCE, in_time};
use integration_tests::kafka::{Answers, Topic, text_headers};
use integration_tests::spans::{Spans, assert_unfailed, attribute, traceparent};
use integration_tests::{apply, broker_test, two_worker_test};
use otel_messaging_rdkafka::{InjectingContext, InjectingProducer, UntilQueuedProducer};
use rdkafka::consumer::Consumer;
use rdkafka::message::{Header, OwnedHeaders, OwnedMessage, Timestamp};
use rdkafka::producer::{
    BaseProducer, BaseRecord, DefaultProducerContext, FutureProducer, FutureRecord, Producer,
    ThreadedProducer,
};
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};
use std::collections::HashMap;
use std::time::Duration;
use tokio::sync::oneshot;

const RECORDS: usize = 200;
const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// Hundreds on their way at once: each span has the partition and the offset of its own record.
#[apply(broker_test)]
async fn records_in_flight_have_their_own_answers() {
    let (topic, spans) = (Topic::on_brokers(4).await, Spans::new());
    let producer = InjectingProducer::new(topic.producer.clone())
        .with_instrumentation(spans.instrumentation.clone());
    let keys: Vec<_> = (0..RECORDS).map(|n| n.to_string()).collect();
    let queued: Vec<_> = keys
        .iter()
        .map(|key| {
            let record = FutureRecord::to(&topic.name).key(key).payload("order");
            producer.send_result(record).map_err(|(error, _)| error)
        })
        .collect();
    producer.poll(Duration::ZERO);
    producer.flush(PATIENCE).expect("nothing is left");
    assert_eq!(producer.in_flight_count(), 0);
    let mut placed = HashMap::new();
    for (key, delivery) in keys.iter().zip(queued) {
        let delivery = in_time("a delivery", delivery.expect("queued")).await;
        let delivery = delivery.expect("not canceled").expect("delivered");
        placed.insert(key.clone(), (delivery.partition, delivery.offset));
    }

    let mut senders = HashMap::new();
    for span in spans.all() {
        assert_unfailed(&span);
        let key = attribute(&span, "kafka.message.key").expect("a key");
        let (partition, offset) = placed[&key.to_string()];
        let found = attribute(&span, "messaging.destination.partition.id");
        assert_eq!(found, Some(partition.to_string().into()));
        let found = attribute(&span, "kafka.offset");
        assert_eq!(found, Some(offset.into()));
        senders.insert((partition, offset), traceparent(&span.span_context));
    }
    assert_eq!(senders.len(), RECORDS);
    for _ in 0..RECORDS {
        let message = topic.receive().await;
        let sender = &senders[&(message.partition(), message.offset())];
        let expected = ("traceparent".to_owned(), sender.clone());
        assert_eq!(text_headers(&message), [expected]);
    }
}

/// Neither key nor payload changes: bytes, empty, null.
#[apply(broker_test)]
async fn keys_and_payloads_arrive_untouched() {
    const PARTS: [Option<&[u8]>; 4] = [Some(b"\x00\xff\xc3"), Some(b""), None, Some(b"7")];
    let (topic, spans) = (Topic::on_brokers(1).await, Spans::new());
    let future = InjectingProducer::new(topic.producer.clone())
        .with_instrumentation(spans.instrumentation.clone());
    let threaded: ThreadedProducer<_> = topic
        .config()
        .create_with_context(InjectingContext::new(Answers))
        .expect("a producer");
    let threaded =
        InjectingProducer::new(threaded).with_instrumentation(spans.instrumentation.clone());
    for (n, key) in PARTS.into_iter().enumerate() {
        for payload in PARTS {
            let record = FutureRecord {
                topic: &topic.name,
                partition: None,
                payload,
                key,
                timestamp: None,
                headers: None,
            };
            let sent = future.send(record, PATIENCE).await;
            sent.expect("delivered");
            let (sender, answer) = oneshot::channel();
            let mut record = BaseRecord::with_opaque_to(&topic.name, Box::new(sender));
            (record.key, record.payload) = (key, payload);
            let queued = threaded.send(record);
            queued.map_err(|(error, _)| error).expect("queued");
            let answer = in_time("an answer", answer).await;
            answer.expect("one answer").expect("delivered");
            for _ in 0..2 {
                let message = topic.receive().await;
                assert_eq!((message.key(), message.payload()), (key, payload));
                assert_eq!(text_headers(&message)[0].0, "traceparent");
            }
        }
        let tombstones = spans
            .all()
            .into_iter()
            .filter(|span| attribute(span, "kafka.message.tombstone") == Some(true.into()));
        assert_eq!(tombstones.count(), 2 * (n + 1));
    }
}

/// What is forwarded keeps its time; what is sent anew has a new one.
#[apply(broker_test)]
async fn only_a_forwarded_message_keeps_its_timestamp() {
    const OLD: i64 = 1_000_000_000_000;
    let (topic, spans) = (Topic::on_brokers(1).await, Spans::new());
    let producer = InjectingProducer::new(topic.producer.clone())
        .with_instrumentation(spans.instrumentation.clone());
    let record = FutureRecord::to(&topic.name).key("7").payload("order");
    let sent = producer.send(record.timestamp(OLD), PATIENCE).await;
    sent.expect("delivered");
    let message = topic.receive().await;
    assert_eq!(message.timestamp(), Timestamp::CreateTime(OLD));

    let name = &topic.name;
    let forwarded = producer.forward(&message, name, PATIENCE).await;
    forwarded.expect("delivered");
    let context = InjectingContext::new(DefaultProducerContext);
    let base: BaseProducer<_> = topic
        .config()
        .create_with_context(context)
        .expect("a producer");
    let base = InjectingProducer::new(base).with_instrumentation(spans.instrumentation.clone());
    base.forward(&message, name, ()).expect("queued");
    base.flush(PATIENCE).expect("nothing is left");
    let plain: BaseProducer = topic.config().create().expect("a producer");
    let plain = UntilQueuedProducer::new(plain).with_instrumentation(spans.instrumentation.clone());
    plain.forward(&message, name, ()).expect("queued");
    plain.flush(PATIENCE).expect("nothing is left");
    for _ in 0..3 {
        let next = topic.receive().await;
        assert_eq!(next.timestamp(), Timestamp::CreateTime(OLD));
        assert_eq!(
            (next.key(), next.payload()),
            (message.key(), message.payload())
        );
    }
    let republished = producer.republish(&message, name, PATIENCE).await;
    republished.expect("delivered");
    let error = "no such article";
    let put_aside = producer.dead_letter(&message, &error, name, PATIENCE).await;
    put_aside.expect("delivered");
    for _ in 0..2 {
        let next = topic.receive().await;
        assert!(next.timestamp().to_millis() > Some(OLD));
        assert_eq!(
            (next.key(), next.payload()),
            (message.key(), message.payload())
        );
    }
}

/// A dead letter says where in its source it stood.
#[apply(broker_test)]
async fn a_dead_letter_has_partition_and_offset() {
    let (source, aside) = (Topic::on_brokers(2).await, Topic::on_brokers(1).await);
    let spans = Spans::new();
    let producer = InjectingProducer::new(source.producer.clone())
        .with_instrumentation(spans.instrumentation.clone());
    for _ in 0..2 {
        let record = FutureRecord::to(&source.name).key("7").payload("order");
        let sent = producer.send(record.partition(1), PATIENCE).await;
        sent.expect("delivered");
        source.consumer.recv().await.map(drop).expect("a message");
    }
    // The second once more, as it is borrowed from its consumer.
    let mut partitions = TopicPartitionList::new();
    let second = Offset::Offset(1);
    let added = partitions.add_partition_offset(&source.name, 1, second);
    added.expect("a partition");
    source.consumer.assign(&partitions).expect("the partition");
    let message = in_time("a message", source.consumer.recv()).await;
    let message = message.expect("a message");
    let error = "no such article";
    let put_aside = producer
        .dead_letter(&message, &error, &aside.name, PATIENCE)
        .await;
    put_aside.expect("delivered");

    let letter = text_headers(&aside.receive().await);
    for (name, expected) in [
        ("dead-letter-error", error),
        ("dead-letter-source", &source.name),
        ("dead-letter-partition", "1"),
        ("dead-letter-offset", "1"),
    ] {
        let mut found = letter.iter().filter(|(key, _)| key == name);
        let value = found.next().map(|(_, value)| value.as_str());
        assert_eq!(value, Some(expected), "{name}");
        assert!(found.next().is_none(), "{name} stands once");
    }
}

/// Nothing is lost with an error: the message has the headers that it came with, the opaque is the
/// caller's, and the span is marked.
#[apply(two_worker_test)]
async fn what_cannot_be_sent_on_comes_back() {
    let spans = Spans::new();
    let by = &spans.instrumentation;
    let header = |key, value| Header {
        key,
        value: Some(value),
    };
    let carried = OwnedHeaders::new()
        .insert(header("order", "7"))
        .insert(header("traceparent", TRACEPARENT));
    let message = OwnedMessage::new(
        Some(b"order".to_vec()),
        None,
        "orders".to_owned(),
        Timestamp::NotAvailable,
        0,
        0,
        Some(carried),
    );
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", "127.0.0.1:1");
    let future: FutureProducer = config.create().expect("a producer");
    let future = InjectingProducer::new(future).with_instrumentation(by.clone());
    // No topic has such a name.
    let (topic, error) = ("a\0b", "no such article");
    let answers = [
        future.forward(&message, topic, PATIENCE).await,
        future.republish(&message, topic, PATIENCE).await,
        future.dead_letter(&message, &error, topic, PATIENCE).await,
    ];
    for answer in answers {
        let (_, returned) = answer.expect_err("no topic");
        assert_eq!(text_headers(&returned), text_headers(&message));
    }

    let context = InjectingContext::new(Answers);
    let base: BaseProducer<_> = config.create_with_context(context).expect("a producer");
    let base = InjectingProducer::new(base).with_instrumentation(by.clone());
    let plain: BaseProducer<_> = config.create_with_context(Answers).expect("a producer");
    let plain = UntilQueuedProducer::new(plain).with_instrumentation(by.clone());
    let (sender, mut answer) = oneshot::channel();
    let mut opaque = Box::new(sender);
    for send in [
        |base: &Base, message: &_, topic: &_, opaque| base.forward(message, topic, opaque),
        |base: &Base, message: &_, topic: &_, opaque| base.republish(message, topic, opaque),
        |base: &Base, message: &_, topic: &_, opaque| {
            base.dead_letter(message, &"no such article", topic, opaque)
        },
    ] {
        let refused = send(&base, &message, topic, opaque);
        let (_, returned) = refused.expect_err("no topic");
        let refused = plain.forward(&message, topic, returned);
        let (_, returned) = refused.expect_err("no topic");
        opaque = returned;
    }
    assert!(opaque.send(Ok((0, 0))).is_ok(), "it is the caller's");
    assert_eq!(answer.try_recv(), Ok(Ok((0, 0))));
    drop((future, base, plain));
    let all = spans.all();
    assert_eq!(all.len(), 9);
    for span in all {
        assert_eq!(attribute(&span, "error.type"), Some("_OTHER".into()));
    }
}

type Base = InjectingProducer<BaseProducer<InjectingContext<Answers>>>;
