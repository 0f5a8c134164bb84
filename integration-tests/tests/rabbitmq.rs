//! The scenarios on a real broker.

use integration_tests::rabbitmq::RabbitMq;

integration_tests::scenarios!(RabbitMq, needs brokers);
integration_tests::counts!(RabbitMq);

use futures_util::FutureExt as _;
use integration_tests::client::{Client, in_time, unique};
use integration_tests::spans::{Spans, assert_child, assert_linked, assert_unfailed, attribute};
use lapin::options::{
    BasicGetOptions, BasicPublishOptions, ExchangeDeclareOptions, QueueBindOptions,
    QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{BasicProperties, Channel, Confirmation, ExchangeKind};
use opentelemetry::trace::{FutureExt, Status, TraceContextExt};
use otel_messaging_lapin::InjectingProducer;

const PLAIN: BasicPublishOptions = BasicPublishOptions {
    mandatory: false,
    immediate: false,
};

/// A queue of its own behind an exchange of its own: names have both parts, and `basic_get`
/// messages join as deliveries do.
///
/// Calls: `Channel::basic_get`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(
    not(feature = "brokers"),
    ignore = "needs brokers: integration-tests/run"
)]
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
        let routing_key = attribute(span, "messaging.rabbitmq.destination.routing_key");
        assert_eq!(routing_key, Some("order.new".into()));
        assert_eq!(attribute(span, "messaging.message.id"), Some("m-7".into()));
        let conversation = attribute(span, "messaging.message.conversation_id");
        assert_eq!(conversation, Some("c-7".into()));
    }
    let tag = attribute(&processed, "messaging.rabbitmq.message.delivery_tag");
    assert!(tag.is_some_and(|tag| tag.as_str() != "0"));
}

/// The context is that of the call, not of the first poll, and the span ends with the confirm.
///
/// Calls: `Channel::basic_publish`, `PublisherConfirm: Future`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(
    not(feature = "brokers"),
    ignore = "needs brokers: integration-tests/run"
)]
async fn the_span_lasts_from_the_call_to_the_confirm() {
    let (mut client, spans) = (RabbitMq::connect().await, Spans::new());
    let order = spans.root("order");
    let producer = InjectingProducer::new(client.channel.clone())
        .with_instrumentation(spans.instrumentation.clone());
    let properties = BasicProperties::default();
    let attached = order.clone().attach();
    let publish =
        producer.basic_publish("".into(), client.queue.clone(), PLAIN, b"order", properties);
    drop(attached);

    let other = spans.root("another order");
    let confirm = publish.with_context(other).await.expect("published");
    let name = format!("publish {}", client.destination());
    assert!(!spans.has(&name));
    let confirmation = confirm.await.expect("confirmed");
    assert_eq!(confirmation, Confirmation::Ack(None));
    assert_child(&spans.named(&name), order.span().span_context());
    assert_unfailed(&spans.named(&name));
    client.receive().await;
}

/// Without confirms there is no answer to wait for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(
    not(feature = "brokers"),
    ignore = "needs brokers: integration-tests/run"
)]
async fn without_confirms_the_span_ends_when_the_channel_has_the_message() {
    let (mut client, spans) = (RabbitMq::connect().await, Spans::new());
    let channel = client
        .connection()
        .create_channel()
        .await
        .expect("a channel");
    let producer =
        InjectingProducer::new(channel).with_instrumentation(spans.instrumentation.clone());
    let properties = BasicProperties::default();
    let confirm = producer
        .basic_publish("".into(), client.queue.clone(), PLAIN, b"order", properties)
        .await
        .expect("published");
    assert_unfailed(&spans.named(&format!("publish {}", client.destination())));
    let answer = confirm.now_or_never().expect("nothing to wait for");
    assert_eq!(answer.expect("no error"), Confirmation::NotRequested);
    client.receive().await;
}

/// A mandatory message that no queue takes comes back, acknowledged: that is a failure too.
///
/// Calls: `Confirmation::take_message`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(
    not(feature = "brokers"),
    ignore = "needs brokers: integration-tests/run"
)]
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

/// Nobody waits for the confirm: lapin still counts it, and the span ends with its status unset.
///
/// Calls: `Channel::wait_for_confirms`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(
    not(feature = "brokers"),
    ignore = "needs brokers: integration-tests/run"
)]
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

/// A queue that the broker has named is temporary and stays out of the names of spans.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(
    not(feature = "brokers"),
    ignore = "needs brokers: integration-tests/run"
)]
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

/// A queue that is full and refuses what comes: the broker answers with a nack.
///
/// Calls: `Confirmation::is_nack`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(
    not(feature = "brokers"),
    ignore = "needs brokers: integration-tests/run"
)]
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

/// A channel that is closed takes nothing.
///
/// Calls: `Channel::close`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(
    not(feature = "brokers"),
    ignore = "needs brokers: integration-tests/run"
)]
async fn a_closed_channel_marks_the_span() {
    let (client, spans) = (RabbitMq::connect().await, Spans::new());
    let channel = client
        .connection()
        .create_channel()
        .await
        .expect("a channel");
    channel.close(200, "done".into()).await.expect("closed");
    let producer =
        InjectingProducer::new(channel).with_instrumentation(spans.instrumentation.clone());
    let properties = BasicProperties::default();
    let publish = producer.basic_publish("".into(), "orders".into(), PLAIN, b"order", properties);
    assert!(publish.await.is_err());
    let sent = spans.named("publish orders");
    let error_type = attribute(&sent, "error.type");
    assert_eq!(error_type, Some("InvalidChannelState".into()));
}
