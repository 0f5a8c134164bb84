//! What the broker answers.

use crate::PLAIN;
use futures_util::future::join_all;
use integration_tests::client::{Client, in_time, unique};
use integration_tests::rabbitmq::RabbitMq;
use integration_tests::spans::{Spans, assert_child, assert_linked, assert_unfailed, attribute};
use integration_tests::{apply, broker_test};
use lapin::options::{
    BasicPublishOptions, BasicQosOptions, ConfirmSelectOptions, QueueDeclareOptions,
};
use lapin::protocol::{AMQPErrorKind, AMQPSoftError};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{BasicProperties, Channel};
use opentelemetry::trace::Status;
use otel_messaging_lapin::InjectingProducer;

/// A mandatory message that no queue takes comes back, acknowledged: that is a failure too.
#[apply(broker_test)]
async fn a_returned_message_marks_its_span() {
    let (client, spans) = (RabbitMq::connect().await, Spans::new());
    let producer = InjectingProducer::new(client.channel.clone())
        .with_instrumentation(spans.instrumentation.clone());
    let options = BasicPublishOptions {
        mandatory: true,
        ..PLAIN
    };
    let nowhere = unique("no-such-queue");
    let (key, properties) = (nowhere.as_str().into(), BasicProperties::default());
    let confirm = producer.basic_publish("".into(), key, options, b"order", properties);
    let confirm = confirm.await.expect("published");
    let confirmation = in_time("a confirm", confirm).await.expect("confirmed");
    assert!(confirmation.take_message().is_some());
    let sent = spans.named(&format!("publish {nowhere}"));
    assert!(matches!(sent.status, Status::Error { .. }));
    assert_eq!(attribute(&sent, "error.type"), Some("NO_ROUTE".into()));
}

/// Of messages that the broker acknowledges in one answer, lapin gives what came back to any: a
/// message that a queue took is not marked for it.
#[apply(broker_test)]
async fn a_returned_message_marks_no_other_span() {
    let (client, spans) = (RabbitMq::connect().await, Spans::new());
    let queue = client.declare_queue(FieldTable::default()).await;
    let producer = client.producer(&spans);
    let options = BasicPublishOptions {
        mandatory: true,
        ..PLAIN
    };
    let nowhere = ShortString::from(unique("no-such-queue"));
    for _ in 0..20 {
        let publishes = (0..100).map(|n| {
            let key = if n % 10 == 0 { &nowhere } else { &queue };
            let (key, properties) = (key.clone(), BasicProperties::default());
            producer.basic_publish("".into(), key, options, b"order", properties)
        });
        let confirms = join_all(publishes).await.into_iter();
        let confirms = confirms.map(|confirm| confirm.expect("published"));
        let confirmed = in_time("confirms", join_all(confirms)).await.into_iter();
        let returned =
            confirmed.filter_map(|confirmed| confirmed.expect("an answer").take_message());
        assert_eq!(returned.count(), 10);
    }
    let all = spans.all();
    assert_eq!(all.len(), 20 * 100);
    let taken = all
        .iter()
        .filter(|span| span.name == format!("publish {queue}"));
    taken.for_each(assert_unfailed);
}

/// Nobody waits for the confirm: lapin still counts it, and the span ends with its status unset.
#[apply(broker_test)]
async fn a_dropped_confirm_is_waited_for_by_the_channel() {
    let (mut client, spans) = (RabbitMq::connect().await, Spans::new());
    let producer = InjectingProducer::new(client.channel.clone())
        .with_instrumentation(spans.instrumentation.clone());
    let properties = BasicProperties::default();
    let confirm = producer
        .basic_publish("".into(), client.queue.clone(), PLAIN, b"order", properties)
        .await
        .expect("published");
    drop(confirm);
    assert_unfailed(&spans.named(&format!("publish {}", client.destination())));
    let returned = in_time("confirms", client.channel.wait_for_confirms()).await;
    assert!(returned.expect("confirmed").is_empty());
    client.receive().await;
}

/// A queue that is full and refuses what comes: the broker answers with a nack.
#[apply(broker_test)]
async fn a_refused_message_marks_its_span() {
    let (client, spans) = (RabbitMq::connect().await, Spans::new());
    let mut arguments = FieldTable::default();
    arguments.insert("x-max-length".into(), AMQPValue::LongInt(1));
    let refuse = AMQPValue::LongString("reject-publish".into());
    arguments.insert("x-overflow".into(), refuse);
    let options = QueueDeclareOptions {
        exclusive: true,
        ..Default::default()
    };
    let queue = ShortString::from(unique("full"));
    let declared = client
        .channel
        .queue_declare(queue.clone(), options, arguments);
    declared.await.expect("a queue");
    let producer = InjectingProducer::new(client.channel.clone());
    let publish = async |producer: &InjectingProducer<Channel>| {
        let properties = BasicProperties::default();
        let confirm = producer.basic_publish("".into(), queue.clone(), PLAIN, b"order", properties);
        let confirm = confirm.await.expect("published");
        in_time("a confirm", confirm).await.expect("an answer")
    };
    // The queue takes one, and may take another before it knows that it is full.
    for _ in 0..10 {
        if publish(&producer).await.is_nack() {
            break;
        }
    }
    let producer = producer.with_instrumentation(spans.instrumentation.clone());
    assert!(publish(&producer).await.is_nack());
    let sent = spans.named(&format!("publish {queue}"));
    assert!(matches!(sent.status, Status::Error { .. }));
    assert_eq!(attribute(&sent, "error.type"), Some("nack".into()));
}

/// What came back is given by the channel, with the context that it was published with; with
/// confirms and without.
#[apply(broker_test)]
async fn a_returned_message_joins_the_trace_of_its_publish() {
    let client = RabbitMq::connect().await;
    for channel in [client.channel.clone(), client.open_channel().await] {
        let spans = Spans::new();
        let producer = InjectingProducer::new(channel.clone())
            .with_instrumentation(spans.instrumentation.clone());
        let options = BasicPublishOptions {
            mandatory: true,
            ..PLAIN
        };
        let nowhere = unique("no-such-queue");
        let (key, properties) = (nowhere.as_str().into(), BasicProperties::default());
        let confirm = producer.basic_publish("".into(), key, options, b"order", properties);
        drop(confirm.await.expect("published"));
        let sent = spans.named(&format!("publish {nowhere}"));
        assert_unfailed(&sent);

        // Without confirms there is nothing to wait for; but what the broker answers next comes
        // behind the message.
        let qos = channel.basic_qos(1, BasicQosOptions::default());
        qos.await.expect("an answer");
        let returned = in_time("confirms", producer.wait_for_confirms()).await;
        let returned = returned.expect("confirmed");
        assert_eq!(returned.len(), 1);
        let error = returned[0].error().expect("why it came back");
        assert_eq!(error.kind(), &AMQPErrorKind::Soft(AMQPSoftError::NOROUTE));
        let handled = spans
            .instrumentation
            .with_message_context(&returned[0], |returned| async {
                assert_eq!(returned.data, b"order");
            });
        handled.await;
        let processed = spans.named(&format!("process {nowhere}"));
        assert_child(&processed, &sent.span_context);
        assert_linked(&processed, &sent.span_context);
        let tag = attribute(&processed, "rabbitmq.message.delivery_tag");
        assert_eq!(tag, None);
    }
}

/// lapin's own future, for code that wants it: the span ends where it is taken out.
#[apply(broker_test)]
async fn a_confirm_that_is_taken_out_ends_its_span() {
    let (client, spans) = (RabbitMq::connect().await, Spans::new());
    let channel = client.open_channel().await;
    let confirms = ConfirmSelectOptions::default();
    channel.confirm_select(confirms).await.expect("confirms");
    let producer =
        InjectingProducer::new(channel).with_instrumentation(spans.instrumentation.clone());
    let (key, properties) = (client.queue.clone(), BasicProperties::default());
    let confirm = producer.basic_publish("".into(), key, PLAIN, b"order", properties);
    let confirm = confirm.await.expect("published");
    assert!(spans.all().is_empty());
    let confirm: lapin::PublisherConfirm = confirm.into_inner();
    assert_unfailed(&spans.named(&format!("publish {}", client.destination())));
    let confirmation = in_time("a confirm", confirm).await.expect("confirmed");
    assert!(confirmation.is_ack());
}
