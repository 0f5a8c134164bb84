//! From the call to the broker.

use crate::PLAIN;
use futures_util::FutureExt as _;
use integration_tests::client::{Client, in_time, unique};
use integration_tests::rabbitmq::{RabbitMq, next};
use integration_tests::spans::{Spans, assert_child, assert_unfailed, attribute};
use integration_tests::{apply, broker_test};
use lapin::message::Delivery;
use lapin::options::{BasicConsumeOptions, BasicQosOptions};
use lapin::types::{FieldTable, ShortString};
use lapin::{BasicProperties, Confirmation};
use opentelemetry::trace::{FutureExt, Status, TraceContextExt};
use otel_messaging_lapin::InjectingProducer;

/// The context is that of the call, not of the first poll, and the span ends with the confirm.
#[apply(broker_test)]
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
#[apply(broker_test)]
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

/// A channel that is closed takes nothing.
#[apply(broker_test)]
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

/// Clones of one channel in many tasks: each message carries the context of its own task.
#[apply(broker_test)]
async fn tasks_that_share_a_channel_never_mix() {
    let (mut client, spans) = (RabbitMq::connect().await, Spans::new());
    let producer = client.producer(&spans);
    let tasks: Vec<_> = (0..8)
        .map(|task| {
            let (producer, queue) = (producer.clone(), client.queue.clone());
            let root = spans.root("task");
            let trace_id = root.span().span_context().trace_id();
            let publishes = async move {
                for _ in 0..25 {
                    let id = format!("{trace_id:032x}").into();
                    let properties = BasicProperties::default().with_message_id(id);
                    let key = queue.clone();
                    let confirm =
                        producer.basic_publish("".into(), key, PLAIN, b"order", properties);
                    let confirm = confirm.await.expect("published");
                    if task % 2 == 0 {
                        assert!(confirm.await.expect("confirmed").is_ack());
                    }
                }
            };
            tokio::spawn(publishes.with_context(root))
        })
        .collect();
    for task in tasks {
        in_time("a task", task).await.expect("no panic");
    }
    let returned = in_time("confirms", producer.wait_for_confirms()).await;
    assert!(returned.expect("confirmed").is_empty());
    for _ in 0..8 * 25 {
        let message = client.receive().await;
        let headers = RabbitMq::headers(&message);
        let [(_, traceparent)] = &headers[..] else {
            panic!("{headers:?}");
        };
        let id = message.properties.message_id().as_ref().expect("an id");
        assert_eq!(traceparent[3..35], *id.as_str());
    }
    let name = format!("publish {}", client.destination());
    let sent = spans.all();
    assert_eq!(sent.iter().filter(|span| span.name == name).count(), 200);
    sent.iter().for_each(assert_unfailed);
}

/// Without confirms nobody answers, and the broker closes the channel: the next publish fails.
#[apply(broker_test)]
async fn an_unknown_exchange_fails_the_next_publish() {
    let (client, spans) = (RabbitMq::connect().await, Spans::new());
    let channel = client.open_channel().await;
    let producer =
        InjectingProducer::new(channel.clone()).with_instrumentation(spans.instrumentation.clone());
    let exchange = unique("no-such-exchange");
    let properties = BasicProperties::default();
    let publish =
        producer.basic_publish(exchange.as_str().into(), "".into(), PLAIN, b"", properties);
    drop(publish.await.expect("the channel takes it"));
    assert_unfailed(&spans.named(&format!("publish {exchange}")));
    let options = BasicQosOptions::default();
    let error = channel.basic_qos(1, options).await;
    assert!(error.is_err(), "the channel is closed");

    let properties = BasicProperties::default();
    let publish = producer.basic_publish("".into(), "orders".into(), PLAIN, b"", properties);
    assert!(publish.await.is_err());
    let sent = spans.named("publish orders");
    assert!(matches!(sent.status, Status::Error { .. }));
    let error_type = attribute(&sent, "error.type");
    assert_eq!(error_type, Some("InvalidChannelState".into()));
}

/// Direct reply-to: the request, its handling and the answer's are one trace, and the queue that
/// lives as long as the connection is in no span's name.
#[apply(broker_test)]
async fn a_request_and_its_reply_are_one_trace() {
    let (mut server, client) = (RabbitMq::connect().await, RabbitMq::connect().await);
    let (serving, asking) = (Spans::new(), Spans::new());
    let order = asking.root("order");
    let channel = client.open_channel().await;
    let options = BasicConsumeOptions {
        no_ack: true,
        ..Default::default()
    };
    let reply_to = ShortString::from("amq.rabbitmq.reply-to");
    let replies =
        channel.basic_consume(reply_to.clone(), "".into(), options, FieldTable::default());
    let mut replies = replies.await.expect("a consumer");
    let asker =
        InjectingProducer::new(channel).with_instrumentation(asking.instrumentation.clone());
    let properties = BasicProperties::default()
        .with_reply_to(reply_to)
        .with_correlation_id("c-7".into());
    let key = server.queue.clone();
    let publish = {
        let _attached = order.clone().attach();
        asker.basic_publish("".into(), key, PLAIN, b"request", properties)
    };
    drop(publish.await.expect("published"));

    let request = server.receive().await;
    let replier = server.producer(&serving);
    let by = &serving.instrumentation;
    let answered = by.try_with_message_context(&request, async |request: &Delivery| {
        let given = &request.properties;
        let reply_to = given.reply_to().clone().expect("where to reply");
        let id = given.correlation_id().clone().expect("which request");
        let properties = BasicProperties::default().with_correlation_id(id);
        let reply = replier.basic_publish("".into(), reply_to, PLAIN, b"reply", properties);
        reply.await?.await
    });
    in_time("the answer", answered).await.expect("answered");
    let reply = next(&mut replies).await;
    assert_eq!(reply.data, b"reply");
    let handled = asking
        .instrumentation
        .with_message_context(&reply, |_| async {});
    handled.await;

    let requested = asking.named(&format!("publish {}", server.destination()));
    let processed = serving.named(&format!("process {}", server.destination()));
    let replied = serving.named("publish");
    let received = asking.named("process");
    assert_child(&requested, order.span().span_context());
    assert_child(&processed, &requested.span_context);
    assert_child(&replied, &processed.span_context);
    assert_child(&received, &replied.span_context);
    for span in [&requested, &processed, &replied, &received] {
        let conversation = attribute(span, "messaging.message.conversation_id");
        assert_eq!(conversation, Some("c-7".into()));
    }
    for span in [&replied, &received] {
        let temporary = attribute(span, "messaging.destination.temporary");
        assert_eq!(temporary, Some(true.into()));
        // Whoever knows the rest of it can answer.
        for name in [
            "messaging.destination.name",
            "rabbitmq.destination.routing_key",
        ] {
            let shown = attribute(span, name);
            assert_eq!(shown, Some("amq.rabbitmq.reply-to".into()), "{name}");
        }
    }

    // Nor does a reply that is put aside say it.
    let key = server.queue.clone();
    let letter = asker.dead_letter(&reply, &"too late", "".into(), key, PLAIN);
    drop(letter.await.expect("published"));
    let letter = server.receive().await;
    let headers = letter.properties.headers().as_ref().expect("headers");
    let source = headers.inner()["dead-letter-source"].as_long_string();
    let source = source.map(ToString::to_string);
    assert_eq!(source.as_deref(), Some("amq.rabbitmq.reply-to"));
}
