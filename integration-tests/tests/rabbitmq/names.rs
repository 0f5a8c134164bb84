//! What spans are called.

use crate::PLAIN;
use integration_tests::client::{Client, unique};
use integration_tests::rabbitmq::RabbitMq;
use integration_tests::spans::{Spans, assert_child, assert_linked, attribute};
use integration_tests::{apply, broker_test};
use lapin::options::{
    BasicGetOptions, ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions,
};
use lapin::types::{FieldTable, ShortString};
use lapin::{BasicProperties, ExchangeKind};
use otel_messaging_lapin::InjectingProducer;

/// A queue of its own behind an exchange of its own: names have both parts, and `basic_get`
/// messages join as deliveries do.
#[apply(broker_test)]
async fn a_message_that_is_got_from_an_exchange_joins() {
    let (client, spans) = (RabbitMq::connect().await, Spans::new());
    let (exchange, queue) = (unique("shop"), ShortString::from(unique("got")));
    let channel = &client.channel;
    let options = ExchangeDeclareOptions {
        auto_delete: true,
        ..Default::default()
    };
    let (kind, none) = (ExchangeKind::Topic, FieldTable::default());
    let declared = channel.exchange_declare(exchange.as_str().into(), kind, options, none.clone());
    declared.await.expect("an exchange");
    let options = QueueDeclareOptions {
        exclusive: true,
        ..Default::default()
    };
    let declared = channel.queue_declare(queue.clone(), options, none.clone());
    declared.await.expect("a queue");
    let (name, key) = (
        ShortString::from(exchange.as_str()),
        ShortString::from("order.new"),
    );
    let options = QueueBindOptions::default();
    let bound = channel.queue_bind(queue.clone(), name.clone(), key.clone(), options, none);
    bound.await.expect("a binding");

    let producer =
        InjectingProducer::new(channel.clone()).with_instrumentation(spans.instrumentation.clone());
    let properties = BasicProperties::default()
        .with_message_id("m-7".into())
        .with_correlation_id("c-7".into());
    let confirm = producer.basic_publish(name, key, PLAIN, b"order", properties);
    confirm.await.expect("published").await.expect("confirmed");
    let options = BasicGetOptions { no_ack: true };
    let message = channel.basic_get(queue, options).await.expect("an answer");
    let message = message.expect("a message");
    let handled = spans
        .instrumentation
        .with_message_context(&message, |_| async {});
    handled.await;

    let sent = spans.named(&format!("publish {exchange}:order.new"));
    let processed = spans.named(&format!("process {exchange}:order.new"));
    assert_child(&processed, &sent.span_context);
    assert_linked(&processed, &sent.span_context);
    for span in [&sent, &processed] {
        let routing_key = attribute(span, "rabbitmq.destination.routing_key");
        assert_eq!(routing_key, Some("order.new".into()));
        assert_eq!(attribute(span, "messaging.message.id"), Some("m-7".into()));
        let conversation = attribute(span, "messaging.message.conversation_id");
        assert_eq!(conversation, Some("c-7".into()));
    }
    let tag = attribute(&processed, "rabbitmq.message.delivery_tag");
    assert!(tag.is_some_and(|tag| tag.as_str() != "0"));
}

/// A queue that the broker has named is temporary and stays out of the names of spans.
#[apply(broker_test)]
async fn a_queue_named_by_the_broker_is_in_no_spans_name() {
    let (client, spans) = (RabbitMq::connect().await, Spans::new());
    let options = QueueDeclareOptions {
        exclusive: true,
        ..Default::default()
    };
    let declared = client
        .channel
        .queue_declare("".into(), options, FieldTable::default());
    let queue = declared.await.expect("a queue").name().clone();
    let producer = InjectingProducer::new(client.channel.clone())
        .with_instrumentation(spans.instrumentation.clone());
    let properties = BasicProperties::default();
    let confirm = producer.basic_publish("".into(), queue.clone(), PLAIN, b"order", properties);
    confirm.await.expect("published").await.expect("confirmed");
    let sent = spans.named("publish");
    for mark in ["temporary", "anonymous"] {
        let mark = attribute(&sent, &format!("messaging.destination.{mark}"));
        assert_eq!(mark, Some(true.into()));
    }
    let name = attribute(&sent, "messaging.destination.name");
    assert_eq!(name, Some(queue.to_string().into()));
}
