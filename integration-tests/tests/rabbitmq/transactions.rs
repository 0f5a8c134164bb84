//! Transactions: on the channel itself, with messages published through the wrapper.

use crate::PLAIN;
use integration_tests::client::Client;
use integration_tests::rabbitmq::RabbitMq;
use integration_tests::spans::{Spans, assert_child, assert_unfailed, traceparent};
use integration_tests::{apply, broker_test};
use lapin::BasicProperties;
use lapin::options::BasicGetOptions;
use lapin::types::{AMQPValue, FieldTable};
use otel_messaging_lapin::InjectingProducer;

/// A message whose transaction is committed has its context; one that is rolled back had its span
/// all the same, which ended when the channel had the message.
#[apply(broker_test)]
async fn a_message_in_a_transaction_carries_its_context() {
    let (client, spans) = (RabbitMq::connect().await, Spans::new());
    let queue = client.declare_queue(FieldTable::default()).await;
    let name = format!("publish {queue}");
    let producer = InjectingProducer::new(client.open_channel().await);
    let channel = producer.get_ref();
    channel.tx_select().await.expect("a transaction");
    let got = async || {
        let message = client
            .channel
            .basic_get(queue.clone(), BasicGetOptions { no_ack: true });
        message.await.expect("an answer")
    };

    let rolled_back = Spans::new();
    let by = rolled_back.instrumentation.clone();
    let (properties, key) = (BasicProperties::default(), queue.clone());
    let publish = producer.clone().with_instrumentation(by);
    let publish = publish.basic_publish("".into(), key, PLAIN, b"order", properties);
    drop(publish.await.expect("published"));
    assert_unfailed(&rolled_back.named(&name));
    channel.tx_rollback().await.expect("rolled back");

    let by = spans.instrumentation.clone();
    let (properties, key) = (BasicProperties::default(), queue.clone());
    let publish = producer.clone().with_instrumentation(by);
    let publish = publish.basic_publish("".into(), key, PLAIN, b"order", properties);
    drop(publish.await.expect("published"));
    let sent = spans.named(&name);
    assert_unfailed(&sent);
    assert!(got().await.is_none(), "nothing is committed yet");
    channel.tx_commit().await.expect("committed");

    let message = got().await.expect("the committed message");
    let headers = message.properties.headers().as_ref().expect("headers");
    let carried = AMQPValue::LongString(traceparent(&sent.span_context).into());
    assert_eq!(headers.inner().get("traceparent"), Some(&carried));
    let handled = spans
        .instrumentation
        .with_message_context(&message, |_| async {});
    handled.await;
    assert_child(
        &spans.named(&format!("process {queue}")),
        &sent.span_context,
    );
    assert!(got().await.is_none(), "the other was rolled back");
}
