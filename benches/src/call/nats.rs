//! async-nats: `publish` of a client. Core NATS gives no answer: the call is over when the client
//! has taken the message.

use super::metrics::labels;
use super::span::{Operation, start};
use super::{Calls, server};
use crate::client::{Client as _, Nats};
use async_nats::{Client, HeaderMap, Message, Subject};
use bytes::Bytes;
use opentelemetry::global::BoxedTracer;
use opentelemetry::trace::{Span, SpanBuilder};
use opentelemetry::{Context, KeyValue};
use otel_messaging::Instrumentation;
use otel_messaging_async_nats::InjectingProducer;
use tokio::runtime::Builder;

const PAYLOAD: &[u8] = b"order 7";

impl Calls for Nats {
    type Message = Message;
    type Record = (Subject, Bytes);
    type Sender = Client;
    type Injecting = InjectingProducer<Client>;

    fn message(headers: HeaderMap) -> Message {
        let (subject, payload) = Self::record();
        Message {
            length: subject.len() + payload.len(),
            subject,
            reply: None,
            payload,
            headers: Some(headers),
            status: None,
            description: None,
        }
    }

    fn headers(message: &Message) -> Option<&HeaderMap> {
        message.headers.as_ref()
    }

    fn process_span(message: &Message) -> SpanBuilder {
        Operation::processing("nats").span([&message.subject], [])
    }

    fn process_labels() -> Vec<KeyValue> {
        labels("nats", "process")
    }

    fn send_labels(_sender: &Client) -> Vec<KeyValue> {
        labels("nats", "publish")
    }

    fn record() -> (Subject, Bytes) {
        (Subject::from("orders.new"), Bytes::from_static(PAYLOAD))
    }

    /// Nobody drives the runtime afterwards: the messages stay in the client's queue, which has room
    /// for 2,048, so that none is woken up for.
    fn connect() -> Client {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime");
        let client = runtime.block_on(async_nats::connect(server::nats().to_string()));
        std::mem::forget(runtime);
        client.expect("a connection")
    }

    fn injecting(sender: &Client, by: Option<Instrumentation>) -> InjectingProducer<Client> {
        let injecting = InjectingProducer::new(sender.clone());
        match by {
            Some(by) => injecting.with_instrumentation(by),
            None => injecting,
        }
    }

    async fn send(injecting: &InjectingProducer<Client>, (subject, payload): (Subject, Bytes)) {
        let published = injecting.publish(subject, payload).await;
        published.expect("taken");
    }

    async fn send_by_hand(
        sender: &Client,
        tracer: &BoxedTracer,
        (subject, payload): (Subject, Bytes),
    ) {
        let (mut span, headers) = start::<Self>(tracer, publish_span(&subject));
        let published = sender.publish_with_headers(subject, headers, payload);
        published.await.expect("taken");
        span.end();
    }

    async fn send_without_span(sender: &Client, (subject, payload): (Subject, Bytes)) {
        let headers = Context::map_current(Self::inject_by_hand);
        let published = sender.publish_with_headers(subject, headers, payload);
        published.await.expect("taken");
    }
}

/// The bound: the span of a send.
#[inline]
pub fn publish_span(subject: &str) -> SpanBuilder {
    Operation::sending("nats", "publish", 0).span([subject], [])
}
