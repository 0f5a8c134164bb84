//! Messages that are settled in their handlers, and what a message that comes again tells.

use crate::PLAIN;
use integration_tests::client::{Client, in_time};
use integration_tests::rabbitmq::RabbitMq;
use integration_tests::spans::{Spans, assert_child, assert_linked, assert_unfailed, attribute};
use integration_tests::{apply, broker_test};
use lapin::message::{BasicGetMessage, Delivery};
use lapin::options::{
    BasicAckOptions, BasicGetOptions, BasicNackOptions, BasicRecoverOptions, BasicRejectOptions,
};
use lapin::types::{FieldTable, ShortString};
use lapin::{BasicProperties, Channel};

const REDELIVERED: &str = "rabbitmq.message.redelivered";
const DELIVERY_COUNT: &str = "rabbitmq.message.delivery_count";

#[apply(broker_test)]
async fn a_delivery_that_is_acked_is_gone() {
    is_gone(async |_, delivery| {
        let acked = delivery.ack(BasicAckOptions::default()).await;
        assert!(acked.expect("acked"));
    })
    .await;
}

#[apply(broker_test)]
async fn a_delivery_whose_tag_is_acked_is_gone() {
    is_gone(async |channel, delivery| {
        let acked = channel.basic_ack(delivery.delivery_tag, BasicAckOptions::default());
        acked.await.expect("acked");
    })
    .await;
}

#[apply(broker_test)]
async fn a_delivery_that_is_nacked_comes_again() {
    comes_again(async |_, delivery| {
        let options = BasicNackOptions {
            requeue: true,
            ..Default::default()
        };
        assert!(delivery.nack(options).await.expect("nacked"));
    })
    .await;
}

#[apply(broker_test)]
async fn a_delivery_whose_tag_is_nacked_comes_again() {
    comes_again(async |channel, delivery| {
        let options = BasicNackOptions {
            requeue: true,
            ..Default::default()
        };
        let nacked = channel.basic_nack(delivery.delivery_tag, options);
        nacked.await.expect("nacked");
    })
    .await;
}

#[apply(broker_test)]
async fn a_delivery_that_is_rejected_comes_again() {
    comes_again(async |_, delivery| {
        let rejected = delivery.reject(BasicRejectOptions { requeue: true }).await;
        assert!(rejected.expect("rejected"));
    })
    .await;
}

#[apply(broker_test)]
async fn a_delivery_whose_tag_is_rejected_comes_again() {
    comes_again(async |channel, delivery| {
        let options = BasicRejectOptions { requeue: true };
        let rejected = channel.basic_reject(delivery.delivery_tag, options);
        rejected.await.expect("rejected");
    })
    .await;
}

#[apply(broker_test)]
async fn what_was_not_settled_is_recovered() {
    comes_again(async |channel, _| {
        let recovered = channel.basic_recover(BasicRecoverOptions { requeue: true });
        recovered.await.expect("recovered");
    })
    .await;
}

async fn is_gone(settle: impl AsyncFnOnce(&Channel, &Delivery)) {
    let (client, spans) = (RabbitMq::connect().await, Spans::new());
    let channel = client.open_channel().await;
    let queue = sent(&client, &spans).await;
    let message = got(&channel, &queue).await.expect("a message");
    let handled = spans
        .instrumentation
        .with_message_context(&message, |message| settle(&channel, message));
    in_time("a handler", handled).await;
    let recovered = channel.basic_recover(BasicRecoverOptions { requeue: true });
    recovered.await.expect("nothing to recover");
    assert!(got(&channel, &queue).await.is_none());
    let processed = spans.named(&format!("process {queue}"));
    let sender = spans.named(&format!("publish {queue}"));
    assert_child(&processed, &sender.span_context);
    assert_unfailed(&processed);
}

async fn comes_again(give_back: impl AsyncFnOnce(&Channel, &Delivery)) {
    let (client, spans) = (RabbitMq::connect().await, Spans::new());
    let channel = client.open_channel().await;
    let queue = sent(&client, &spans).await;
    let sender = spans.named(&format!("publish {queue}")).span_context;

    let first = Spans::new();
    let message = got(&channel, &queue).await.expect("a message");
    let handled = first
        .instrumentation
        .with_message_context(&message, |message| give_back(&channel, message));
    in_time("a handler", handled).await;
    let processed = first.named(&format!("process {queue}"));
    assert_child(&processed, &sender);
    assert_eq!(attribute(&processed, REDELIVERED), None);
    assert_eq!(attribute(&processed, DELIVERY_COUNT), None);

    let again = Spans::new();
    let message = got(&channel, &queue).await.expect("the message again");
    again
        .instrumentation
        .with_message_context(&message, async |message: &BasicGetMessage| {
            let acked = message.ack(BasicAckOptions::default()).await;
            assert!(acked.expect("acked"));
        })
        .await;
    let processed = again.named(&format!("process {queue}"));
    assert_child(&processed, &sender);
    assert_linked(&processed, &sender);
    assert_eq!(attribute(&processed, REDELIVERED), Some(true.into()));
    assert_eq!(attribute(&processed, DELIVERY_COUNT), Some(2.into()));
}

/// A message in a queue of its own.
async fn sent(client: &RabbitMq, spans: &Spans) -> ShortString {
    let queue = client.declare_queue(FieldTable::default()).await;
    let properties = BasicProperties::default();
    let producer = client.producer(spans);
    let confirm = producer.basic_publish("".into(), queue.clone(), PLAIN, b"order", properties);
    confirm.await.expect("published").await.expect("confirmed");
    queue
}

async fn got(channel: &Channel, queue: &ShortString) -> Option<BasicGetMessage> {
    let message = channel.basic_get(queue.clone(), BasicGetOptions::default());
    message.await.expect("an answer")
}
