//! What only RabbitMQ's messages have when they are sent on.

use crate::PLAIN;
use integration_tests::client::{Client, in_time, unique};
use integration_tests::rabbitmq::RabbitMq;
use integration_tests::spans::{Spans, assert_child, assert_linked, attribute};
use lapin::BasicProperties;
use lapin::message::BasicGetMessage;
use lapin::options::{BasicGetOptions, BasicPublishOptions};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use opentelemetry::trace::SpanKind;
use otel_messaging_lapin::PublisherConfirm;

/// The properties travel along, and the broker acts on them again: a header `CC` routes the message
/// that is forwarded to that queue once more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(
    not(feature = "brokers"),
    ignore = "needs brokers: integration-tests/run"
)]
async fn properties_travel_along() {
    let (client, spans) = (RabbitMq::connect().await, Spans::new());
    let none = FieldTable::default;
    let first = client.declare_queue(none()).await;
    let copies = client.declare_queue(none()).await;
    let last = client.declare_queue(none()).await;
    let mut headers = none();
    let copied = AMQPValue::LongString(copies.as_str().into());
    headers.insert("CC".into(), AMQPValue::FieldArray(vec![copied].into()));
    let properties = BasicProperties::default()
        .with_headers(headers)
        .with_content_type("text/plain".into())
        .with_delivery_mode(2)
        .with_priority(3)
        .with_message_id("m-7".into())
        .with_reply_to("replies".into())
        .with_user_id(client.connection().status().username().into());
    let producer = client.producer(&spans);
    let confirm = producer.basic_publish("".into(), first.clone(), PLAIN, b"order", properties);
    confirm.await.expect("published").await.expect("confirmed");
    let message = got(&client, &first).await.expect("the message");
    assert!(got(&client, &copies).await.is_some());

    let confirm = producer.forward(&message, "".into(), last.clone(), PLAIN);
    confirm.await.expect("forwarded").await.expect("confirmed");
    let forwarded = got(&client, &last).await.expect("the message");
    assert_eq!(forwarded.properties, message.properties);
    assert_eq!(forwarded.data, message.data);
    assert!(got(&client, &copies).await.is_some(), "one more copy");
    let span = spans.named(&format!("publish {last}"));
    assert_eq!(span.span_kind, SpanKind::Client);
    let id = attribute(&span, "messaging.message.id");
    assert_eq!(id, Some("m-7".into()));

    let confirm = producer.republish(&message, "".into(), last.clone(), PLAIN);
    confirm.await.expect("published").await.expect("confirmed");
    let error = "no such article";
    let confirm = producer.dead_letter(&message, &error, "".into(), last.clone(), PLAIN);
    confirm.await.expect("published").await.expect("confirmed");
    let own = |properties: &BasicProperties| properties.clone().with_headers(none());
    for _ in 0..2 {
        let sent = got(&client, &last).await.expect("the message");
        assert_eq!(own(&sent.properties), own(&message.properties));
        assert_eq!(sent.data, message.data);
    }
}

/// What came back is sent somewhere else: the wrapper takes it as it takes a delivery.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(
    not(feature = "brokers"),
    ignore = "needs brokers: integration-tests/run"
)]
async fn a_returned_message_is_put_aside() {
    let (client, spans) = (RabbitMq::connect().await, Spans::new());
    let queue = client.declare_queue(FieldTable::default()).await;
    let producer = client.producer(&spans);
    let options = BasicPublishOptions {
        mandatory: true,
        ..PLAIN
    };
    let nowhere = ShortString::from(unique("no-such-queue"));
    let properties = BasicProperties::default();
    let confirm = producer.basic_publish("".into(), nowhere.clone(), options, b"order", properties);
    let confirmation = confirm.await.expect("published").await.expect("confirmed");
    let returned = confirmation.take_message().expect("it comes back");

    // The options are heeded in each of the three ways.
    let elsewhere = ShortString::from(unique("no-such-queue"));
    let key = || elsewhere.clone();
    comes_back(producer.forward(&returned, "".into(), key(), options)).await;
    comes_back(producer.republish(&returned, "".into(), key(), options)).await;
    comes_back(producer.dead_letter(&returned, &"nowhere", "".into(), key(), options)).await;

    let error = returned.error().expect("why");
    let confirm = producer.dead_letter(&returned, &error, "".into(), queue.clone(), PLAIN);
    confirm.await.expect("published").await.expect("confirmed");
    let letter = got(&client, &queue).await.expect("the letter");
    let headers = letter.properties.headers().as_ref().expect("headers");
    let source = AMQPValue::LongString(nowhere.as_str().into());
    assert_eq!(headers.inner().get("dead-letter-source"), Some(&source));
    let (sent, again) = (
        spans.named(&format!("publish {nowhere}")),
        spans.named(&format!("publish {queue}")),
    );
    assert_linked(&again, &sent.span_context);
    let handled = spans
        .instrumentation
        .with_message_context(&letter, |_| async {});
    handled.await;
    let processed = spans.named(&format!("process {queue}"));
    assert_child(&processed, &again.span_context);
}

async fn comes_back(publish: impl Future<Output = lapin::Result<PublisherConfirm>>) {
    let confirm = in_time("published", publish).await.expect("published");
    let answer = in_time("confirmed", confirm).await.expect("confirmed");
    assert!(answer.take_message().is_some());
}

async fn got(client: &RabbitMq, queue: &ShortString) -> Option<BasicGetMessage> {
    let options = BasicGetOptions { no_ack: true };
    let message = client.channel.basic_get(queue.clone(), options);
    message.await.expect("an answer")
}
