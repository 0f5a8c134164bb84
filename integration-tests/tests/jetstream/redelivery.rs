//! Messages that come again.

use async_nats::jetstream::AckKind;
use async_nats::jetstream::consumer::pull;
use futures_util::StreamExt;
use integration_tests::client::{Client, in_time};
use integration_tests::nats::JetStream;
use integration_tests::spans::{Spans, assert_child, assert_linked, attribute};
use integration_tests::{apply, broker_test};
use opentelemetry::trace::SpanId;
use std::time::Duration;

/// Refused, a message comes again at once, with its count. Beyond the configured one, which is 10 by
/// default, its handling is a trace of its own, linked to the sender.
#[apply(broker_test)]
async fn a_refused_message_comes_again_with_its_count() {
    let (mut client, spans) = (JetStream::connect().await, Spans::new());
    let by = &spans.instrumentation;
    client.send(Some(by), &[]).await.expect("sent");
    let sent = spans.named(&format!("publish {}", client.subject));
    for count in 1..=12 {
        let message = client.receive().await;
        let (joined, maybe_linked) = (Spans::new(), Spans::new());
        drop(joined.instrumentation.process(&message));
        let impatient = maybe_linked.instrumentation.to_builder();
        let impatient = impatient.with_link_after_deliveries(2).build();
        drop(impatient.process(&message));
        let joined = joined.all().remove(0);
        let found = attribute(&joined, "nats.delivery_count");
        assert_eq!(found, Some(count.into()));
        assert_linked(&joined, &sent.span_context);
        if count > 10 {
            assert_eq!(joined.parent_span_id, SpanId::INVALID);
            let trace_id = joined.span_context.trace_id();
            assert_ne!(trace_id, sent.span_context.trace_id());
        } else {
            assert_child(&joined, &sent.span_context);
        }
        let maybe_linked = maybe_linked.all().remove(0);
        assert_linked(&maybe_linked, &sent.span_context);
        if count > 2 {
            assert_eq!(maybe_linked.parent_span_id, SpanId::INVALID);
            let trace_id = maybe_linked.span_context.trace_id();
            assert_ne!(trace_id, sent.span_context.trace_id());
        } else {
            assert_child(&maybe_linked, &sent.span_context);
        }
        let refused = message.ack_with(AckKind::Nak(None));
        refused.await.expect("published");
    }
}

/// A message that is not acknowledged in time comes again, with its count.
#[apply(broker_test)]
async fn a_forgotten_message_comes_again_with_its_count() {
    let (client, spans) = (JetStream::connect().await, Spans::new());
    let consumer = client.stream.create_consumer(pull::Config {
        ack_wait: Duration::from_millis(50),
        ..pull::Config::default()
    });
    let consumer = consumer.await.expect("a consumer");
    let mut messages = consumer.messages().await.expect("messages");
    client
        .send(Some(&spans.instrumentation), &[])
        .await
        .expect("sent");
    let sent = spans.named(&format!("publish {}", client.subject));
    for count in 1..=3 {
        let message = in_time("a message", messages.next()).await;
        let message = message.expect("the consumer goes on").expect("a message");
        let handled = Spans::new();
        drop(handled.instrumentation.process(&message));
        let processed = handled.all().remove(0);
        let found = attribute(&processed, "nats.delivery_count");
        assert_eq!(found, Some(count.into()));
        assert_child(&processed, &sent.span_context);
    }
}

/// The stream tells when it took the message: one that is older than configured starts a trace.
#[apply(broker_test)]
async fn an_old_message_is_linked() {
    let (mut client, spans) = (JetStream::connect().await, Spans::new());
    client
        .send(Some(&spans.instrumentation), &[])
        .await
        .expect("sent");
    let sent = spans.named(&format!("publish {}", client.subject));
    let message = client.receive().await;
    let day = Duration::from_secs(24 * 60 * 60);
    // The broker may run on another machine, with another clock.
    for (age, is_child) in [(day, true), (Duration::ZERO, false)] {
        let handled = Spans::new();
        let by = handled
            .instrumentation
            .to_builder()
            .with_link_after_age(age)
            .build();
        drop(by.process(&message));
        let processed = handled.all().remove(0);
        assert_linked(&processed, &sent.span_context);
        assert_eq!(
            processed.parent_span_id == sent.span_context.span_id(),
            is_child
        );
    }
}
