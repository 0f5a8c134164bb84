//! Settlements of a stream's messages.

use super::info;
use crate::recorder::Recorder;
use async_nats::HeaderMap;
use async_nats::jetstream::consumer::pull;
use async_nats::jetstream::{self, Message, stream};
use futures_util::StreamExt;
use integration_tests::client::{in_time, unique};
use integration_tests::nats::connect;
use otel_messaging_async_nats::{Settlement, consumer_info};
use std::io;

/// A stream with a durable consumer.
struct Queue {
    context: jetstream::Context,
    subject: String,
    consumer: jetstream::consumer::PullConsumer,
    messages: pull::Stream,
    sent: usize,
}

impl Queue {
    async fn open(recorder: &mut Recorder) -> Self {
        let context = jetstream::new(connect().await);
        let subject = unique("orders-settled");
        recorder.replace(subject.clone(), "orders-settled-<id>");
        let config = stream::Config {
            name: subject.clone(),
            subjects: vec![subject.clone()],
            storage: stream::StorageType::Memory,
            ..Default::default()
        };
        let stream = context.create_stream(config).await.expect("a stream");
        let consumer = stream.create_consumer(pull::Config {
            durable_name: Some("billing".to_owned()),
            ..pull::Config::default()
        });
        let consumer = consumer.await.expect("a consumer");
        Self {
            messages: consumer.messages().await.expect("messages"),
            context,
            subject,
            consumer,
            sent: 0,
        }
    }

    /// A message that was sent by the plain client, with an identifier of its own.
    async fn sent(&mut self) -> Message {
        self.sent += 1;
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Msg-Id", self.sent.to_string());
        let sent = self
            .context
            .publish_with_headers(self.subject.clone(), headers, "order".into());
        sent.await.expect("published").await.expect("stored");
        self.next().await
    }

    async fn next(&mut self) -> Message {
        let next = in_time("a message", self.messages.next()).await;
        next.expect("the consumer goes on").expect("a message")
    }
}

async fn handle(_: &Message) -> io::Result<()> {
    Ok(())
}

async fn fail(_: &Message) -> io::Result<()> {
    Err(io::Error::other("no such card"))
}

pub(super) async fn settlements(recorder: &mut Recorder) {
    let mut queue = Queue::open(recorder).await;
    let billing = recorder.plain.consumer(consumer_info(&queue.consumer));
    let mut message = queue.sent().await;
    for (settlement, name) in [
        (Settlement::Nak(None), "process that fails, and nak"),
        (Settlement::Term, "process that fails, and term"),
        (Settlement::DoubleAck, "process that fails, and double_ack"),
    ] {
        let settled = billing.with_settlement(&message, fail).or(settlement);
        let result = in_time("the settlement", settled).await;
        assert!(result.expect("settled").is_err());
        recorder.case(name);
        message = match settlement {
            Settlement::Nak(_) => queue.next().await,
            _ => queue.sent().await,
        };
    }
    let settled = billing.with_settlement(&message, handle).await;
    settled.expect("settled").expect("handled");
    recorder.case("process, and ack");

    let message = queue.sent().await;
    let guard = billing.guard(&message);
    guard.settle(Settlement::Progress).await.expect("sent");
    recorder.case("in_progress by hand");
    guard.ack().await.expect("sent");
    recorder.case("ack by hand");

    let message = queue.sent().await;
    let templated = recorder.templated.consumer(info());
    templated.guard(&message).ack().await.expect("sent");
    recorder.case("ack by a template");
    let message = queue.sent().await;
    let full = recorder.full.consumer(info());
    full.guard(&message).ack().await.expect("sent");
    recorder.case("ack, with everything");

    let (message, _acker) = queue.sent().await.split();
    let context = queue.context.clone();
    let message = Message { message, context };
    let settled = billing.with_settlement(&message, handle).await;
    settled.expect_err("no reply subject");
    recorder.case("process, and ack that fails");
}
