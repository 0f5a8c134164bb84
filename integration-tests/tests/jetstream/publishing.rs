//! Publishing to a stream.

use async_nats::jetstream::context::PublishErrorKind;
use async_nats::jetstream::message::PublishMessage;
use integration_tests::client::{Client, in_time, unique};
use integration_tests::nats::{JetStream, text_headers};
use integration_tests::spans::{Spans, assert_child, assert_unfailed, attribute, traceparent};
use integration_tests::{apply, broker_test};
use opentelemetry::trace::{FutureExt, TraceContextExt};

/// The span is in the context of the call, lasts until the stream's acknowledgement and then has
/// its answer.
#[apply(broker_test)]
async fn the_span_ends_with_the_streams_answer() {
    let (mut client, spans) = (JetStream::connect().await, Spans::new());
    let subject = client.destination();
    let producer = client.injecting(&spans.instrumentation);
    let name = format!("publish {subject}");
    let order = spans.root("order");
    let attached = order.clone().attach();
    let publish = producer.publish(subject.clone(), "order".into());
    drop(attached);
    let pending = publish.with_context(spans.root("another order")).await;
    let pending = pending.expect("published");
    assert!(!spans.has(&name));
    let ack = pending.await.expect("acknowledged");
    assert_eq!(ack.sequence, 1);
    let sent = spans.named(&name);
    assert_child(&sent, order.span().span_context());
    let message = client.receive().await;
    message.ack().await.expect("acknowledged");
    drop(spans.instrumentation.process(&message));
    let processed = spans.named(&format!("process {subject}"));
    for span in [&sent, &processed] {
        let stream = attribute(span, "nats.stream");
        assert_eq!(stream, Some(subject.clone().into()));
        assert_eq!(attribute(span, "nats.sequence"), Some(1.into()));
    }
    let consumer = message.info().expect("it tells").consumer.to_owned();
    let found = attribute(&processed, "nats.consumer");
    assert_eq!(found, Some(consumer.into()));
    let deliveries = attribute(&processed, "nats.delivery_count");
    assert_eq!(deliveries, Some(1.into()));
}

/// Nobody waits for the acknowledgement: the message is published all the same.
#[apply(broker_test)]
async fn an_acknowledgement_may_be_dropped() {
    let (mut client, spans) = (JetStream::connect().await, Spans::new());
    let subject = client.destination();
    let producer = client.injecting(&spans.instrumentation);
    let pending = producer.publish(subject.clone(), "order".into()).await;
    drop(pending.expect("published"));
    assert_unfailed(&spans.named(&format!("publish {subject}")));
    client.receive().await;
}

/// At the server's limit a message goes without its context; above it the error marks the span.
#[apply(broker_test)]
async fn the_servers_limit_is_the_messages_and_not_the_contexts() {
    let (mut client, spans) = (JetStream::connect().await, Spans::new());
    let subject = client.destination();
    let producer = client.injecting(&spans.instrumentation);
    let max_payload = client.context.client().max_payload();
    let publish = producer.publish(subject.clone(), vec![b'x'; max_payload].into());
    publish.await.expect("it fits").await.expect("acknowledged");
    assert_eq!(client.receive().await.payload.len(), max_payload);

    let elsewhere = unique("too-large");
    let publish = producer.publish(elsewhere.clone(), vec![b'x'; max_payload + 1].into());
    assert!(publish.await.is_err());
    let sent = spans.named(&format!("publish {elsewhere}"));
    let error_type = attribute(&sent, "error.type");
    assert_eq!(error_type, Some("MaxPayloadExceeded".into()));
}

/// The stream has the message already: its answer says so, and so does the span.
#[apply(broker_test)]
async fn a_duplicate_is_told() {
    let (mut client, spans) = (JetStream::connect().await, Spans::new());
    let producer = client.injecting(&spans.instrumentation);
    for duplicate in [false, true] {
        let message = PublishMessage::build()
            .payload("order".into())
            .message_id("m-7");
        let pending = producer.send_publish(client.subject.clone(), message).await;
        let ack = pending.expect("published").await.expect("acknowledged");
        assert_eq!((ack.sequence, ack.duplicate), (1, duplicate));
    }
    let sent = spans.all();
    let duplicates: Vec<_> = sent
        .iter()
        .map(|span| attribute(span, "nats.duplicate"))
        .collect();
    assert_eq!(duplicates, [None, Some(true.into())]);
    for sent in sent {
        assert_unfailed(&sent);
        assert_eq!(attribute(&sent, "nats.sequence"), Some(1.into()));
        assert_eq!(attribute(&sent, "messaging.message.id"), Some("m-7".into()));
    }
    drop(spans.instrumentation.process(&client.receive().await));
    let processed = spans.named(&format!("process {}", client.subject));
    let id = attribute(&processed, "messaging.message.id");
    assert_eq!(id, Some("m-7".into()));
}

/// The stream refuses: its error is the caller's and the span's.
#[apply(broker_test)]
async fn what_the_stream_refuses_marks_its_span() {
    let (client, spans) = (JetStream::connect().await, Spans::new());
    let producer = client.injecting(&spans.instrumentation);
    let message = PublishMessage::build()
        .payload("order".into())
        .expected_last_sequence(7);
    let pending = producer.send_publish(client.subject.clone(), message).await;
    let error = pending.expect("published").await.expect_err("it is 0");
    assert_eq!(error.kind(), PublishErrorKind::WrongLastSequence);
    let sent = spans.named(&format!("publish {}", client.subject));
    let error_type = attribute(&sent, "error.type");
    assert_eq!(error_type, Some("WrongLastSequence".into()));
}

/// All that was published and not awaited is acknowledged to the context itself.
#[apply(broker_test)]
async fn many_acknowledgements_are_waited_for_at_once() {
    let (mut client, spans) = (JetStream::connect().await, Spans::new());
    let producer = client.injecting(&spans.instrumentation);
    for _ in 0..100 {
        let pending = producer
            .publish(client.subject.clone(), "order".into())
            .await;
        drop(pending.expect("published").into_inner());
    }
    in_time("all answers", producer.get_ref().wait_for_acks()).await;
    let stored = client
        .stream
        .info()
        .await
        .expect("an answer")
        .state
        .messages;
    assert_eq!(stored, 100);
    let sent = spans.all();
    assert_eq!(sent.len(), 100);
    for sent in &sent {
        assert_unfailed(sent);
        let message = client.receive().await;
        let carried = &text_headers(&message)[0].1;
        assert_eq!(*carried, traceparent(&sent.span_context));
    }
}
