//! NATS through async-nats: core, and JetStream in a file of its own.

mod jetstream;

use crate::batching::{SendsBatches, within};
use crate::client::{Client, HeaderList, address, in_time, unique};
use crate::onward::SendsOn;
use crate::version::Version;
use async_nats::service::endpoint::Endpoint;
use async_nats::service::{Service, ServiceExt};
use async_nats::{HeaderMap, Message, Subscriber};
use futures_util::StreamExt;
use futures_util::future::join_all;
use opentelemetry::Context;
use otel_messaging::Instrumentation;
use otel_messaging_async_nats::{InjectingProducer, Nats as Marker, Wrapped};
use std::fmt;

pub use jetstream::JetStream;

/// A subject of core NATS, subscribed to.
pub struct Nats {
    /// The plain client.
    pub client: async_nats::Client,
    /// The subject.
    pub subject: String,
    subscriber: Subscriber,
}

impl Client for Nats {
    type Marker = Marker;
    type Message = async_nats::Message;

    const OPERATION: &'static str = "publish";
    const FAILURE: &'static str = "MaxPayloadExceeded";

    async fn connect() -> Self {
        let client = connect().await;
        let subject = unique("orders");
        let subscribed = client.subscribe(subject.clone()).await;
        // The server knows of the subscription before anybody publishes, on other connections too;
        // a flush waits for no answer.
        let asked = client.request(unique("nobody"), "".into()).await;
        asked.expect_err("nobody answers, and the server says so");
        Self {
            client,
            subject,
            subscriber: subscribed.expect("a subscription"),
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
        let producer = injecting(&self.client, by);
        let subject = self.subject.clone();
        let sent = match with_headers(headers) {
            Some(headers) => {
                let sent = producer.publish_with_headers(subject, headers, "order".into());
                sent.await
            }
            None => producer.publish(subject, "order".into()).await,
        };
        sent.map_err(|error| error.to_string())
    }

    async fn send_plain(&self, headers: &[(&str, &str)]) {
        let subject = self.subject.clone();
        let sent = match with_headers(headers) {
            Some(headers) => {
                let sent = self
                    .client
                    .publish_with_headers(subject, headers, "order".into());
                sent.await
            }
            None => self.client.publish(subject, "order".into()).await,
        };
        sent.expect("the client takes the message");
    }

    async fn send_in_vain(&self, by: Option<&Instrumentation>) -> Result<(), String> {
        let producer = injecting(&self.client, by);
        let payload = vec![0; self.client.max_payload() + 1];
        let sent = producer.publish(self.subject.clone(), payload.into());
        sent.await.map_err(|error| error.to_string())
    }

    async fn send_on(
        &self,
        by: Option<&Instrumentation>,
        message: &async_nats::Message,
    ) -> Result<(), String> {
        let producer = injecting(&self.client, by);
        let headers = message.headers.clone().unwrap_or_default();
        let subject = self.subject.clone();
        producer
            .publish_with_headers(subject, headers, message.payload.clone())
            .await
            .map_err(|error| error.to_string())
    }

    async fn receive(&mut self) -> async_nats::Message {
        let next = in_time("a message", self.subscriber.next()).await;
        next.expect("the subscription goes on")
    }

    fn headers(message: &async_nats::Message) -> HeaderList {
        text_headers(message)
    }
}

impl SendsBatches for Nats {
    async fn send_batch(&self, by: &Instrumentation, contexts: &[Context], in_vain: bool) {
        let batch = self.injecting(by).batch();
        let publish = |payload| batch.publish(self.subject.clone(), payload);
        let sent = contexts
            .iter()
            .map(|it| within(it, || publish("order".into())));
        for sent in join_all(sent).await {
            sent.expect("the client takes the message");
        }
        if in_vain {
            let payload = vec![0; self.client.max_payload() + 1];
            publish(payload.into()).await.expect_err("too large");
        }
    }
}

/// Publishes through the adapter, and waits for the answer.
impl SendsOn for Nats {
    async fn forward(
        &self,
        by: &Instrumentation,
        message: &async_nats::Message,
    ) -> Result<(), String> {
        let sent = self
            .injecting(by)
            .forward(message, self.subject.clone())
            .await;
        sent.map_err(|error| error.to_string())
    }

    async fn republish(
        &self,
        by: &Instrumentation,
        message: &async_nats::Message,
    ) -> Result<(), String> {
        let sent = self
            .injecting(by)
            .republish(message, self.subject.clone())
            .await;
        sent.map_err(|error| error.to_string())
    }

    async fn dead_letter(
        &self,
        by: &Instrumentation,
        message: &async_nats::Message,
        error: &dyn fmt::Display,
    ) -> Result<(), String> {
        let producer = self.injecting(by);
        let sent = producer.dead_letter(message, error, self.subject.clone());
        sent.await.map_err(|error| error.to_string())
    }
}

impl Nats {
    /// The client that injects.
    pub fn injecting(&self, by: &Instrumentation) -> InjectingProducer<async_nats::Client> {
        injecting(&self.client, Some(by))
    }
}

fn injecting<P: Wrapped + Clone>(client: &P, by: Option<&Instrumentation>) -> InjectingProducer<P> {
    let producer = InjectingProducer::new(client.clone());
    match by {
        Some(by) => producer.with_instrumentation(by.clone()),
        None => producer,
    }
}

/// A plain client of the broker.
///
/// # Panics
///
/// When there is none.
pub async fn connect() -> async_nats::Client {
    let url = address("NATS_URL");
    in_time("connect", async_nats::connect(&url))
        .await
        .unwrap_or_else(|error| panic!("NATS at NATS_URL: {error}"))
}

/// A service with one endpoint, which the broker knows. It ends when it is dropped.
///
/// # Panics
///
/// When it does not start.
pub async fn start_service(client: &async_nats::Client, subject: &str) -> (Service, Endpoint) {
    let service = client.service_builder().start("shop", "1.0.0").await;
    let service = service.expect("a service");
    let endpoint = service.endpoint(subject).await.expect("an endpoint");
    client.flush().await.expect("a flush");
    (service, endpoint)
}

/// Whether the server rewrites every spelling of `traceparent` to lower case: 2.11 and 2.12 do (no
/// 2.13 was released).
pub fn rewrites_traceparent(client: &async_nats::Client) -> bool {
    (Version(2, 11)..Version(2, 14)).contains(&Version::of_nats(client))
}

/// What this server delivers of these headers, in the order of [`text_headers`].
pub fn as_delivered(client: &async_nats::Client, headers: &[(&str, &str)]) -> HeaderList {
    let is_rewritten = rewrites_traceparent(client);
    let delivered = headers.iter().map(|(name, value)| {
        let is_rewritten = is_rewritten && name.eq_ignore_ascii_case("traceparent");
        let name = if is_rewritten { "traceparent" } else { name };
        (name.to_owned(), (*value).to_owned())
    });
    let mut delivered: HeaderList = delivered.collect();
    delivered.sort();
    delivered
}

/// A message as if it had come from this subject with these headers.
pub fn message_from(subject: &str, headers: &[(&str, &str)]) -> Message {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(*name, *value);
    }
    Message {
        subject: subject.into(),
        reply: None,
        payload: "order".into(),
        headers: Some(map),
        status: None,
        description: None,
        length: 0,
    }
}

/// The headers as the plain client shows them. The map has no order: sorted by name.
pub fn text_headers(message: &async_nats::Message) -> HeaderList {
    let mut list = HeaderList::new();
    for (name, values) in message.headers.iter().flat_map(HeaderMap::iter) {
        for value in values {
            list.push((name.to_string(), value.to_string()));
        }
    }
    list.sort();
    list
}

fn with_headers(headers: &[(&str, &str)]) -> Option<HeaderMap> {
    if headers.is_empty() {
        return None;
    }
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(*name, *value);
    }
    Some(map)
}
