//! What settles a message makes no span, and what is read again may start a trace of its own.

use crate::sends::Sends;
use integration_tests::client::{PATIENCE, in_time, unique};
use integration_tests::kafka::Topic;
use integration_tests::spans::{Spans, assert_child, assert_linked};
use integration_tests::{apply, broker_test};
use otel_messaging_rdkafka::InjectingProducer;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, StreamConsumer};
use rdkafka::producer::FutureRecord;
use rdkafka::{Message, Offset, TopicPartitionList};
use std::time::Duration;

/// By either consumer, inside a handler: the messages are committed, and there are the handlers'
/// spans and no other.
#[apply(broker_test)]
async fn committing_and_storing_make_no_span() {
    let sends = Sends::to(1).await;
    sends.send(6).await;
    let (topic, by) = (&sends.topic, &sends.spans.instrumentation);
    let sent = sends.spans.all().len();
    let mut config = topic.config();
    config.set("group.id", unique("billing"));
    config.set("enable.auto.offset.store", "false");
    config.set("enable.auto.commit", "false");
    let all = topic.from_the_beginning();

    let consumer: StreamConsumer = config.create().expect("a consumer");
    consumer.assign(&all).expect("the partition");
    for n in 1..=3 {
        let received = in_time("a message", consumer.recv()).await;
        let message = received.expect("a message");
        let handled = by.with_message_context(&message, async |message| {
            let offset = message.offset();
            match n {
                1 => consumer.commit_message(message, CommitMode::Sync)?,
                2 => {
                    consumer.store_offset_from_message(message)?;
                    consumer.commit_consumer_state(CommitMode::Sync)?;
                }
                _ => {
                    consumer.store_offset(&topic.name, 0, offset)?;
                    consumer.commit_consumer_state(CommitMode::Sync)?;
                }
            }
            let committed = consumer.committed(PATIENCE)?;
            assert_eq!(committed.elements()[0].offset(), Offset::Offset(offset + 1));
            rdkafka::error::KafkaResult::Ok(())
        });
        handled.await.expect("settled");
    }
    drop(consumer);

    let consumer: BaseConsumer = config.create().expect("a consumer");
    consumer.assign(&all).expect("the partition");
    for n in 1..=6 {
        let message = consumer
            .poll(PATIENCE)
            .expect("in time")
            .expect("a message");
        let _entered = by.process(&message).enter();
        let mut next = TopicPartitionList::new();
        let offset = Offset::Offset(message.offset() + 1);
        let added = next.add_partition_offset(&topic.name, 0, offset);
        added.expect("an offset");
        let settled = match n % 2 {
            0 => consumer.commit(&next, CommitMode::Sync),
            _ => consumer
                .store_offsets(&next)
                .and_then(|()| consumer.commit_consumer_state(CommitMode::Sync)),
        };
        settled.expect("settled");
        let committed = consumer.committed(PATIENCE).expect("an answer");
        assert_eq!(committed.elements()[0].offset(), offset);
    }
    let spans = sends.spans.all();
    let processed = format!("process {}", topic.name);
    assert!(spans[sent..].iter().all(|span| span.name == processed));
    assert_eq!(spans.len() - sent, 9);
}

/// What was sent long ago is handled in a trace of its own where that was asked for, by the
/// record's own timestamp; else in its sender's, however often it is read.
#[apply(broker_test)]
async fn an_old_record_is_linked_where_that_was_asked_for() {
    const OLD: i64 = 1_000_000_000_000;
    const HOUR: Duration = Duration::from_secs(3600);
    let topic = Topic::on_brokers(1).await;
    let sender = Spans::new();
    let producer = InjectingProducer::new(topic.producer.clone())
        .with_instrumentation(sender.instrumentation.clone());
    let name = format!("process {}", topic.name);
    for (timestamp, is_old) in [(Some(OLD), true), (None, false)] {
        let mut record = FutureRecord::to(&topic.name).key("7").payload("order");
        record.timestamp = timestamp;
        producer.send(record, PATIENCE).await.expect("delivered");
        let sent = sender.all().pop().expect("a span").span_context;
        let message = topic.receive().await;

        let (by_default, by_age) = (Spans::new(), Spans::new());
        let by = by_age
            .instrumentation
            .to_builder()
            .with_link_after_age(HOUR)
            .build();
        by.with_message_context(&message, |_| async {}).await;
        let by = &by_default.instrumentation;
        by.with_message_context(&message, |_| async {}).await;
        assert_child(&by_default.named(&name), &sent);
        let processed = by_age.named(&name);
        assert_linked(&processed, &sent);
        if is_old {
            assert_ne!(processed.span_context.trace_id(), sent.trace_id());
        } else {
            assert_child(&processed, &sent);
        }
    }
}
