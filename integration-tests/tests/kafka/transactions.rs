//! Transactions, by rdkafka's own trait on the wrapper.

use integration_tests::client::{PATIENCE, in_time, unique};
use integration_tests::kafka::{Answers, Topic, text_headers};
use integration_tests::spans::{Spans, assert_child, assert_unfailed, attribute, traceparent};
use integration_tests::{apply, broker_test};
use opentelemetry_sdk::trace::SpanData;
use otel_messaging_rdkafka::{InjectingContext, InjectingProducer, UntilQueuedProducer};
use rdkafka::consumer::{Consumer, StreamConsumer};
use rdkafka::message::OwnedMessage;
use rdkafka::producer::{
    BaseProducer, BaseRecord, DefaultProducerContext, FutureProducer, FutureRecord, Producer,
};
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};
use tokio::sync::oneshot;

fn transactional(topic: &Topic) -> ClientConfig {
    let mut config = topic.config();
    config.set("transactional.id", unique("shop"));
    config
}

/// Reads what was committed, and nothing else.
fn committed(topic: &Topic) -> StreamConsumer {
    let mut config = topic.config();
    config.set("group.id", unique("billing"));
    config.set("isolation.level", "read_committed");
    let consumer: StreamConsumer = config.create().expect("a consumer");
    let partitions = topic.from_the_beginning();
    consumer.assign(&partitions).expect("the partition");
    consumer
}

async fn receive(consumer: &StreamConsumer) -> OwnedMessage {
    let received = in_time("a message", consumer.recv()).await;
    received.expect("a message").detach()
}

/// An aborted record's span is what it is, a record that the broker took; the reader sees the
/// committed one. What was consumed is committed with it, and stays in the trace.
#[apply(broker_test)]
async fn a_future_producers() {
    let (orders, invoices) = (Topic::on_brokers(1).await, Topic::on_brokers(1).await);
    let spans = Spans::new();
    let by = &spans.instrumentation;
    let plain = InjectingProducer::new(orders.producer.clone()).with_instrumentation(by.clone());
    let record = FutureRecord::to(&orders.name).key("7").payload("order");
    plain.send(record, PATIENCE).await.expect("delivered");
    let order = orders.receive().await;

    let producer: FutureProducer = transactional(&invoices).create().expect("a producer");
    let producer = InjectingProducer::new(producer).with_instrumentation(by.clone());
    producer.init_transactions(PATIENCE).expect("initialised");
    for key in ["aborted", "committed"] {
        producer.begin_transaction().expect("begun");
        let record = FutureRecord::to(&invoices.name).key(key).payload("invoice");
        let handled = by.with_message_context(&order, |_| producer.send(record, PATIENCE));
        handled.await.expect("delivered");
        if key == "aborted" {
            producer.abort_transaction(PATIENCE).expect("aborted");
            continue;
        }
        let mut offsets = TopicPartitionList::new();
        let next = Offset::Offset(order.offset() + 1);
        let added = offsets.add_partition_offset(&orders.name, 0, next);
        added.expect("an offset");
        let group = orders.consumer.group_metadata().expect("a group");
        let sent = producer.send_offsets_to_transaction(&offsets, &group, PATIENCE);
        sent.expect("the offsets");
        producer.commit_transaction(PATIENCE).expect("committed");
    }

    let invoice = receive(&committed(&invoices)).await;
    assert_eq!(invoice.key(), Some(&b"committed"[..]));
    let sent = of_key(&spans, "committed");
    let expected = ("traceparent".to_owned(), traceparent(&sent.span_context));
    assert_eq!(text_headers(&invoice), [expected]);
    let order_sent = spans.named(&format!("send {}", orders.name));
    for span in [&sent, &of_key(&spans, "aborted")] {
        assert_unfailed(span);
        let trace = order_sent.span_context.trace_id();
        assert_eq!(span.span_context.trace_id(), trace);
    }
    let offsets = orders
        .consumer
        .committed_offsets(orders.from_the_beginning(), PATIENCE);
    let offset = offsets.expect("the group's").elements()[0].offset();
    assert_eq!(offset, Offset::Offset(1));
}

/// The same by a producer with our context, and by one without.
#[apply(broker_test)]
async fn a_base_producers() {
    let (topic, spans) = (Topic::on_brokers(1).await, Spans::new());
    let by = &spans.instrumentation;
    let reader = committed(&topic);

    let context = InjectingContext::new(Answers);
    let producer: BaseProducer<_> = transactional(&topic)
        .create_with_context(context)
        .expect("a producer");
    let producer = InjectingProducer::new(producer).with_instrumentation(by.clone());
    producer.init_transactions(PATIENCE).expect("initialised");
    for key in ["aborted", "committed"] {
        producer.begin_transaction().expect("begun");
        let (sender, answer) = oneshot::channel();
        let record = BaseRecord::with_opaque_to(&topic.name, Box::new(sender));
        let queued = producer.send(record.key(key).payload("order"));
        queued.map_err(|(error, _)| error).expect("queued");
        if key == "committed" {
            producer.commit_transaction(PATIENCE).expect("committed");
            let answer = in_time("an answer", answer).await;
            answer.expect("one answer").expect("delivered");
        } else {
            producer.flush(PATIENCE).expect("nothing is left");
            producer.abort_transaction(PATIENCE).expect("aborted");
        }
    }
    let received = receive(&reader).await;
    assert_eq!(received.key(), Some(&b"committed"[..]));
    let sent = of_key(&spans, "committed");
    assert!(attribute(&sent, "kafka.offset").is_some());
    let handled = by.with_message_context(&received, |_| async { spans.work("handled") });
    handled.await;
    let processed = spans.named(&format!("process {}", topic.name));
    assert_child(&processed, &sent.span_context);

    let producer: BaseProducer<DefaultProducerContext> =
        transactional(&topic).create().expect("a producer");
    let producer = UntilQueuedProducer::new(producer).with_instrumentation(by.clone());
    producer.init_transactions(PATIENCE).expect("initialised");
    for key in ["never", "enqueued"] {
        producer.begin_transaction().expect("begun");
        let record = BaseRecord::to(&topic.name).key(key).payload("order");
        let queued = producer.send(record);
        queued.map_err(|(error, _)| error).expect("queued");
        producer.flush(PATIENCE).expect("nothing is left");
        if key == "never" {
            producer.abort_transaction(PATIENCE).expect("aborted");
        } else {
            producer.commit_transaction(PATIENCE).expect("committed");
        }
    }
    let received = receive(&reader).await;
    assert_eq!(received.key(), Some(&b"enqueued"[..]));
    let sent = of_key(&spans, "enqueued");
    let expected = ("traceparent".to_owned(), traceparent(&sent.span_context));
    assert_eq!(text_headers(&received), [expected]);
}

/// The span of the record that was sent with this key.
fn of_key(spans: &Spans, key: &str) -> SpanData {
    let key = Some(key.to_owned().into());
    let mut found = spans.all().into_iter().filter(|span| {
        attribute(span, "messaging.operation.type") == Some("send".into())
            && attribute(span, "kafka.message.key") == key
    });
    let span = found.next().expect("a span of the record");
    assert!(found.next().is_none(), "only one");
    span
}
