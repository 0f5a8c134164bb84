//! The scenarios on a real broker.

use integration_tests::nats::JetStream;

integration_tests::scenarios!(JetStream, needs brokers);
integration_tests::counts!(JetStream);

use integration_tests::client::Client;
use integration_tests::spans::{Spans, assert_child, assert_unfailed, attribute};
use opentelemetry::trace::{FutureExt, TraceContextExt};
use otel_messaging_async_nats::InjectingProducer;

/// The span is in the context of the call, lasts until the stream's acknowledgement and then has
/// its answer.
///
/// Calls: `Context::publish`, `PublishAckFuture: IntoFuture`, `jetstream::Message::ack`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(
    not(feature = "brokers"),
    ignore = "needs brokers: integration-tests/run"
)]
async fn the_span_ends_with_the_streams_answer() {
    let (mut client, spans) = (JetStream::connect().await, Spans::new());
    let subject = client.destination();
    let producer = InjectingProducer::new(client.context.clone())
        .with_instrumentation(spans.instrumentation.clone());
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
        let stream = attribute(span, "messaging.nats.stream");
        assert_eq!(stream, Some(subject.clone().into()));
        assert_eq!(attribute(span, "messaging.nats.sequence"), Some(1.into()));
    }
    assert!(attribute(&processed, "messaging.nats.consumer").is_some());
    let deliveries = attribute(&processed, "messaging.nats.delivery_count");
    assert_eq!(deliveries, Some(1.into()));
}

/// Nobody waits for the acknowledgement: the message is published all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(
    not(feature = "brokers"),
    ignore = "needs brokers: integration-tests/run"
)]
async fn an_acknowledgement_may_be_dropped() {
    let (mut client, spans) = (JetStream::connect().await, Spans::new());
    let subject = client.destination();
    let producer = InjectingProducer::new(client.context.clone())
        .with_instrumentation(spans.instrumentation.clone());
    let pending = producer.publish(subject.clone(), "order".into()).await;
    drop(pending.expect("published"));
    assert_unfailed(&spans.named(&format!("publish {subject}")));
    client.receive().await;
}

/// At the server's limit a message goes without its context; above it the error marks the span.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(
    not(feature = "brokers"),
    ignore = "needs brokers: integration-tests/run"
)]
async fn the_servers_limit_is_the_messages_and_not_the_contexts() {
    let (mut client, spans) = (JetStream::connect().await, Spans::new());
    let subject = client.destination();
    let producer = InjectingProducer::new(client.context.clone())
        .with_instrumentation(spans.instrumentation.clone());
    let max_payload = client.context.client().max_payload();
    let publish = producer.publish(subject.clone(), vec![b'x'; max_payload].into());
    publish.await.expect("it fits").await.expect("acknowledged");
    assert_eq!(client.receive().await.payload.len(), max_payload);

    let elsewhere = integration_tests::client::unique("too-large");
    let publish = producer.publish(elsewhere.clone(), vec![b'x'; max_payload + 1].into());
    assert!(publish.await.is_err());
    let sent = spans.named(&format!("publish {elsewhere}"));
    let error_type = attribute(&sent, "error.type");
    assert_eq!(error_type, Some("MaxPayloadExceeded".into()));
}
