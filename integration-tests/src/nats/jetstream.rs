//! JetStream, through the context of async-nats.

use super::{connect, injecting, text_headers, with_headers};
use crate::batching::{SendsBatches, within};
use crate::client::{Client, HeaderList, in_time, unique};
use crate::onward::SendsOn;
use async_nats::HeaderMap;
use async_nats::jetstream::consumer::pull;
use async_nats::jetstream::context::PublishError;
use async_nats::jetstream::{self, stream};
use futures_util::StreamExt;
use futures_util::future::join_all;
use opentelemetry::Context;
use otel_messaging::Instrumentation;
use otel_messaging_async_nats::{InjectingProducer, Nats as Marker, PublishAckFuture};
use std::fmt;

/// A stream of JetStream, read by a pull consumer.
pub struct JetStream {
    /// The plain context.
    pub context: jetstream::Context,
    /// The stream's name, and its only subject.
    pub subject: String,
    /// The stream.
    pub stream: stream::Stream,
    messages: pull::Stream,
}

impl JetStream {
    /// The context that injects.
    pub fn injecting(&self, by: &Instrumentation) -> InjectingProducer<jetstream::Context> {
        injecting(&self.context, Some(by))
    }
}

impl Client for JetStream {
    type Marker = Marker;
    type Message = jetstream::Message;

    const OPERATION: &'static str = "publish";
    const FAILURE: &'static str = "StreamNotFound";

    async fn connect() -> Self {
        let context = jetstream::new(connect().await);
        let subject = unique("orders");
        let config = stream::Config {
            name: subject.clone(),
            subjects: vec![subject.clone()],
            storage: stream::StorageType::Memory,
            ..Default::default()
        };
        let stream = context.create_stream(config).await.expect("a stream");
        let consumer = stream
            .create_consumer(pull::Config {
                // Scenarios do not acknowledge, and the server would hold back after 1,000.
                max_ack_pending: -1,
                ..pull::Config::default()
            })
            .await
            .expect("a consumer");
        Self {
            context,
            subject,
            stream,
            messages: consumer.messages().await.expect("messages"),
        }
    }

    fn destination(&self) -> String {
        self.subject.clone()
    }

    async fn send(
        &self,
        by: Option<&Instrumentation>,
        headers: &[(&str, &str)],
    ) -> Result<(), String> {
        publish(self, by, self.subject.clone(), with_headers(headers)).await
    }

    async fn send_plain(&self, headers: &[(&str, &str)]) {
        let subject = self.subject.clone();
        let sent = match with_headers(headers) {
            Some(headers) => {
                let sent = self
                    .context
                    .publish_with_headers(subject, headers, "order".into());
                sent.await
            }
            None => self.context.publish(subject, "order".into()).await,
        };
        let pending = sent.expect("the client takes the message");
        pending.await.expect("the stream takes the message");
    }

    async fn send_in_vain(&self, by: Option<&Instrumentation>) -> Result<(), String> {
        publish(self, by, unique("no-such-stream"), None).await
    }

    async fn send_on(
        &self,
        by: Option<&Instrumentation>,
        message: &jetstream::Message,
    ) -> Result<(), String> {
        publish(self, by, self.subject.clone(), message.headers.clone()).await
    }

    async fn receive(&mut self) -> jetstream::Message {
        let next = in_time("a message", self.messages.next()).await;
        next.expect("the consumer goes on").expect("a message")
    }

    fn headers(message: &jetstream::Message) -> HeaderList {
        text_headers(message)
    }
}

impl SendsBatches for JetStream {
    async fn send_batch(&self, by: &Instrumentation, contexts: &[Context], in_vain: bool) {
        let batch = self.injecting(by).batch();
        let publish = |subject: String| {
            let sent = batch.publish(subject, "order".into());
            async { acknowledged(sent.await).await }
        };
        let sent = contexts
            .iter()
            .map(|it| within(it, || publish(self.subject.clone())));
        for sent in join_all(sent).await {
            sent.expect("the stream takes the message");
        }
        if in_vain {
            let refused = publish(unique("no-such-stream")).await;
            refused.expect_err("there is no such stream");
        }
    }
}

impl SendsOn for JetStream {
    async fn forward(
        &self,
        by: &Instrumentation,
        message: &jetstream::Message,
    ) -> Result<(), String> {
        let sent = self
            .injecting(by)
            .forward(message, self.subject.clone())
            .await;
        acknowledged(sent).await
    }

    async fn republish(
        &self,
        by: &Instrumentation,
        message: &jetstream::Message,
    ) -> Result<(), String> {
        let sent = self
            .injecting(by)
            .republish(message, self.subject.clone())
            .await;
        acknowledged(sent).await
    }

    async fn dead_letter(
        &self,
        by: &Instrumentation,
        message: &jetstream::Message,
        error: &dyn fmt::Display,
    ) -> Result<(), String> {
        let producer = self.injecting(by);
        let sent = producer.dead_letter(message, error, self.subject.clone());
        acknowledged(sent.await).await
    }
}

async fn publish(
    client: &JetStream,
    by: Option<&Instrumentation>,
    subject: String,
    headers: Option<HeaderMap>,
) -> Result<(), String> {
    let producer = injecting(&client.context, by);
    let sent = match headers {
        Some(headers) => {
            let sent = producer.publish_with_headers(subject, headers, "order".into());
            sent.await
        }
        None => producer.publish(subject, "order".into()).await,
    };
    acknowledged(sent).await
}

async fn acknowledged(sent: Result<PublishAckFuture, PublishError>) -> Result<(), String> {
    let pending = sent.map_err(|error| error.to_string())?;
    pending.await.map_err(|error| error.to_string())?;
    Ok(())
}
