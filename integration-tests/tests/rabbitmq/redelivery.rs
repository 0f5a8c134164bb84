//! How often the broker has delivered a message, and how long ago it was sent.

use crate::PLAIN;
use integration_tests::client::{Client, in_time, unique};
use integration_tests::rabbitmq::{RabbitMq, consume, next};
use integration_tests::spans::{Spans, assert_child, assert_linked, attribute};
use integration_tests::{apply, broker_test};
use lapin::message::Delivery;
use lapin::options::{
    BasicAckOptions, BasicNackOptions, BasicRejectOptions, QueueDeclareOptions, QueueDeleteOptions,
};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{BasicProperties, Channel};
use opentelemetry::Value;
use opentelemetry::trace::{SpanContext, SpanId};
use opentelemetry_sdk::trace::SpanData;
use std::time::{Duration, SystemTime};

const REDELIVERED: &str = "rabbitmq.message.redelivered";
const DELIVERY_COUNT: &str = "rabbitmq.message.delivery_count";

/// Twice round: rejected into a queue where it waits, and back when its time is over. The broker
/// counts in `x-death`; the third delivery has a trace of its own, where two are the limit.
#[apply(broker_test)]
async fn a_dead_lettered_message_counts_its_rounds() {
    let client = RabbitMq::connect().await;
    let (work, wait) = (unique("work"), unique("wait"));
    for (queue, other, waits) in [(&work, &wait, false), (&wait, &work, true)] {
        let mut arguments = FieldTable::default();
        let text = |text: &str| AMQPValue::LongString(text.into());
        arguments.insert("x-dead-letter-exchange".into(), text(""));
        arguments.insert("x-dead-letter-routing-key".into(), text(other));
        if waits {
            arguments.insert("x-message-ttl".into(), AMQPValue::LongInt(1));
        }
        let options = QueueDeclareOptions {
            exclusive: true,
            ..Default::default()
        };
        let queue = queue.as_str().into();
        let declared = client.channel.queue_declare(queue, options, arguments);
        declared.await.expect("a queue");
    }
    let work = ShortString::from(work);
    let sender = publish(&client, &work, BasicProperties::default()).await;
    let mut consumer = client.consume(&work).await;
    for count in [None, Some(2), Some(3)] {
        let delivery = next(&mut consumer).await;
        let processed = handle(&delivery, async |delivery: &Delivery| {
            let rejected = delivery.reject(BasicRejectOptions { requeue: false }).await;
            assert!(rejected.expect("rejected"));
        })
        .await;
        assert_eq!(attribute(&processed, REDELIVERED), None);
        assert_count(&processed, count, &sender);
    }
}

/// A quorum queue counts itself, in `x-delivery-count`: what is rejected, in every version.
#[apply(broker_test)]
async fn a_quorum_queue_counts_its_deliveries() {
    let client = RabbitMq::connect().await;
    let queue = ShortString::from(unique("quorum"));
    let mut arguments = FieldTable::default();
    let quorum = AMQPValue::LongString("quorum".into());
    arguments.insert("x-queue-type".into(), quorum);
    let options = QueueDeclareOptions {
        durable: true,
        ..Default::default()
    };
    let declared = client
        .channel
        .queue_declare(queue.clone(), options, arguments);
    declared.await.expect("a queue");
    let sender = publish(&client, &queue, BasicProperties::default()).await;
    let mut consumer = client.consume(&queue).await;
    for count in [None, Some(2), Some(3)] {
        let delivery = next(&mut consumer).await;
        let processed = handle(&delivery, async |delivery: &Delivery| {
            let rejected = delivery.reject(BasicRejectOptions { requeue: true }).await;
            assert!(rejected.expect("rejected"));
        })
        .await;
        let again = count.map(|_| Value::from(true));
        assert_eq!(attribute(&processed, REDELIVERED), again);
        assert_count(&processed, count, &sender);
    }
    let deleted = client
        .channel
        .queue_delete(queue, QueueDeleteOptions::default());
    deleted.await.expect("deleted");
}

/// A classic queue says only that it delivers again: to another consumer, when the first is gone
/// with its channel.
#[apply(broker_test)]
async fn what_a_lost_consumer_had_comes_again() {
    let client = RabbitMq::connect().await;
    let queue = client.declare_queue(FieldTable::default()).await;
    let sender = publish(&client, &queue, BasicProperties::default()).await;
    let lost: Channel = client.open_channel().await;
    let mut consumer = consume(&lost, &queue).await;
    assert_eq!(next(&mut consumer).await.data, b"order");
    lost.close(200, "gone".into()).await.expect("closed");

    let mut consumer = client.consume(&queue).await;
    let delivery = next(&mut consumer).await;
    let processed = handle(&delivery, async |delivery: &Delivery| {
        let acked = delivery.ack(BasicAckOptions::default()).await;
        assert!(acked.expect("acked"));
    })
    .await;
    assert_eq!(attribute(&processed, REDELIVERED), Some(true.into()));
    assert_count(&processed, Some(2), &sender);
}

/// A classic queue does not count, so the process does: by default the eleventh delivery starts a trace.
#[apply(broker_test)]
async fn a_message_that_fails_and_comes_back_leaves_its_senders_trace() {
    let client = RabbitMq::connect().await;
    let queue = client.declare_queue(FieldTable::default()).await;
    let sender = publish(&client, &queue, BasicProperties::default()).await;
    let mut consumer = client.consume(&queue).await;
    for number in 1..=14 {
        let delivery = next(&mut consumer).await;
        let spans = Spans::new();
        let handling =
            spans
                .instrumentation
                .with_message_context(&delivery, async |delivery: &Delivery| {
                    let options = BasicNackOptions {
                        requeue: true,
                        ..BasicNackOptions::default()
                    };
                    delivery.nack(options).await.expect("nacked");
                });
        in_time("a handler", handling).await;
        let processed = spans.named(&format!("process {queue}"));
        assert_joins(&processed, &sender, number <= 10);
    }
}

/// By the message's own timestamp.
#[apply(broker_test)]
async fn an_old_message_starts_a_trace() {
    let client = RabbitMq::connect().await;
    let queue = client.declare_queue(FieldTable::default()).await;
    let mut consumer = client.consume(&queue).await;
    let now = SystemTime::UNIX_EPOCH.elapsed().expect("after 1970");
    let (hour, minute) = (Duration::from_secs(3600), Duration::from_secs(60));
    for (sent_at, starts_trace) in [(now, false), (now - hour, true)] {
        let properties = BasicProperties::default().with_timestamp(sent_at.as_secs());
        let sender = publish(&client, &queue, properties).await;
        let delivery = next(&mut consumer).await;
        let spans = Spans::new();
        let by = spans
            .instrumentation
            .to_builder()
            .with_link_after_age(minute)
            .build();
        in_time(
            "a handler",
            by.with_message_context(&delivery, |_| async {}),
        )
        .await;
        assert_joins(
            &spans.named(&format!("process {queue}")),
            &sender,
            !starts_trace,
        );
    }
}

async fn publish(
    client: &RabbitMq,
    queue: &ShortString,
    properties: BasicProperties,
) -> SpanContext {
    let spans = Spans::new();
    let producer = client.producer(&spans);
    let confirm = producer.basic_publish("".into(), queue.clone(), PLAIN, b"order", properties);
    confirm.await.expect("published").await.expect("confirmed");
    spans.named(&format!("publish {queue}")).span_context
}

/// Handles a delivery with two as the limit, in spans of its own, of which there is one.
async fn handle(delivery: &Delivery, handler: impl AsyncFnOnce(&Delivery)) -> SpanData {
    let spans = Spans::new();
    let by = spans
        .instrumentation
        .to_builder()
        .with_link_after_deliveries(2)
        .build();
    in_time(
        "a handler",
        by.with_message_context(delivery, |delivery| handler(delivery)),
    )
    .await;
    let mut all = spans.all();
    assert_eq!(all.len(), 1);
    all.remove(0)
}

fn assert_count(processed: &SpanData, count: Option<i64>, sender: &SpanContext) {
    assert_eq!(attribute(processed, DELIVERY_COUNT), count.map(Value::from));
    assert_joins(processed, sender, count.is_none_or(|count| count <= 2));
}

fn assert_joins(processed: &SpanData, sender: &SpanContext, is_child: bool) {
    assert_linked(processed, sender);
    if is_child {
        assert_child(processed, sender);
    } else {
        assert_ne!(processed.span_context.trace_id(), sender.trace_id());
        assert_eq!(processed.parent_span_id, SpanId::INVALID);
    }
}
