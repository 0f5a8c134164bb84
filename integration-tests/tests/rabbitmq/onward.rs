//! What only RabbitMQ's messages have when they are sent on.

use crate::PLAIN;
use integration_tests::client::{Client, in_time, unique};
use integration_tests::rabbitmq::RabbitMq;
use integration_tests::spans::{Spans, assert_child, assert_linked};
use integration_tests::{apply, broker_test};
use lapin::BasicProperties;
use lapin::message::BasicGetMessage;
use lapin::options::{BasicGetOptions, BasicPublishOptions};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use otel_messaging_lapin::PublisherConfirm;

/// What came back is sent somewhere else: the wrapper takes it as it takes a delivery.
#[apply(broker_test)]
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

pub(crate) async fn got(client: &RabbitMq, queue: &ShortString) -> Option<BasicGetMessage> {
    let options = BasicGetOptions { no_ack: true };
    let message = client.channel.basic_get(queue.clone(), options);
    message.await.expect("an answer")
}
