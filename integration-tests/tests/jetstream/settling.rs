//! Acknowledging, before and after a message is split.

use async_nats::jetstream::consumer::{Consumer, pull};
use async_nats::jetstream::{AckKind, Message};
use futures_util::StreamExt;
use integration_tests::client::{Client, in_time};
use integration_tests::nats::JetStream;
use integration_tests::spans::{Spans, assert_child, attribute};
use integration_tests::{apply, broker_test};
use opentelemetry::Context;
use opentelemetry::trace::TraceContextExt;

/// A consumer of a stream that has one message, and that message.
async fn one(client: &JetStream, spans: &Spans) -> (Consumer<pull::Config>, Message) {
    client
        .send(Some(&spans.instrumentation), &[])
        .await
        .expect("sent");
    let consumer = client.stream.create_consumer(pull::Config::default()).await;
    let consumer = consumer.expect("a consumer");
    let mut messages = consumer.messages().await.expect("messages");
    let message = in_time("a message", messages.next()).await;
    (
        consumer,
        message.expect("the consumer goes on").expect("a message"),
    )
}

/// Waits until nothing is left to be acknowledged.
async fn settled(mut consumer: Consumer<pull::Config>) {
    let settled = async {
        while consumer.info().await.expect("an answer").num_ack_pending > 0 {
            tokio::task::yield_now().await;
        }
    };
    in_time("the acknowledgement", settled).await;
}

/// Acknowledging takes and makes no span; in a handler it works as outside.
#[apply(broker_test)]
async fn a_handler_settles_its_message() {
    for way in 0..4 {
        let (client, spans) = (JetStream::connect().await, Spans::new());
        let (consumer, message) = one(&client, &spans).await;
        let settle = spans
            .instrumentation
            .with_message_context(&message, async |message| {
                let settled = match way {
                    0 => message.ack().await,
                    1 => message.ack_with(AckKind::Term).await,
                    2 => message.double_ack().await,
                    _ => message.double_ack_with(AckKind::Ack).await,
                };
                settled.expect("settled");
            });
        in_time("the handler", settle).await;
        settled(consumer).await;
        let names: Vec<_> = spans.all().into_iter().map(|span| span.name).collect();
        let subject = &client.subject;
        assert_eq!(
            names,
            [format!("publish {subject}"), format!("process {subject}")]
        );
    }
}

/// Processing begins before the message is split, so its span has what the reply subject tells.
#[apply(broker_test)]
async fn a_split_message_keeps_its_stream() {
    for way in 0..4 {
        let (client, spans) = (JetStream::connect().await, Spans::new());
        let (consumer, message) = one(&client, &spans).await;
        let processing = spans.instrumentation.process(&message);
        let (message, acker) = message.split();
        let handler = processing.run(async move {
            assert_eq!(&message.payload[..], b"order");
            assert!(Context::current().span().span_context().is_valid());
            let settled = match way {
                0 => acker.ack().await,
                1 => acker.ack_with(AckKind::Term).await,
                2 => acker.double_ack().await,
                _ => acker.double_ack_with(AckKind::Ack).await,
            };
            settled.expect("settled");
            message
        });
        let message = in_time("the handler", handler).await;
        settled(consumer).await;
        let subject = &client.subject;
        let sent = spans.named(&format!("publish {subject}"));
        let processed = spans.named(&format!("process {subject}"));
        assert_child(&processed, &sent.span_context);
        let stream = attribute(&processed, "nats.stream");
        assert_eq!(stream, Some(subject.clone().into()));

        // Afterwards the trace is still there, and the stream is not.
        let late = Spans::new();
        drop(late.instrumentation.process(&message));
        let processed = late.all().remove(0);
        assert_child(&processed, &sent.span_context);
        assert_eq!(attribute(&processed, "nats.stream"), None);
    }
}
