//! async-nats: `publish` of a client. Core NATS gives no answer: the call is over when the client
//! has taken the message.

use super::metrics::labels;
use super::span::{Operation, carry, end, start};
use super::{Receives, Sends, server};
use crate::client::Nats;
use async_nats::{Client, HeaderMap, Message, Subject};
use bytes::Bytes;
use opentelemetry::KeyValue;
use opentelemetry::global::BoxedTracer;
use opentelemetry::trace::SpanBuilder;
use otel_messaging::Instrumentation;
use otel_messaging_async_nats::InjectingProducer;
use tokio::runtime::Builder;

const PAYLOAD: &[u8] = b"order 7";

/// Servers that keep messages refuse more in headers (SECURITY.md, "Limits").
const STREAM_HEADERS: usize = 65_535;

impl Receives for Nats {
    type Client = Self;
    type Message = Message;

    fn message(headers: HeaderMap) -> Message {
        let (subject, payload) = what();
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

    #[inline]
    fn headers(message: &Message) -> Option<&HeaderMap> {
        message.headers.as_ref()
    }

    #[inline]
    fn process_span(message: &Message) -> (SpanBuilder, bool) {
        let span = Operation::processing("nats").span([&message.subject], []);
        (span, false)
    }

    fn process_labels() -> Vec<KeyValue> {
        labels("nats", "process")
    }
}

/// What is published, and the caller's headers.
pub struct Record {
    pub subject: Subject,
    pub payload: Bytes,
    pub headers: Option<HeaderMap>,
}

impl Sends for Nats {
    type Record = Record;
    type Sender = Client;
    type Injecting = InjectingProducer<Client>;

    fn send_labels(_sender: &Client) -> Vec<KeyValue> {
        labels("nats", "publish")
    }

    fn record(headers: Option<HeaderMap>) -> Record {
        let (subject, payload) = what();
        Record {
            subject,
            payload,
            headers,
        }
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

    async fn send(injecting: &InjectingProducer<Client>, record: Record) {
        let Record {
            subject,
            payload,
            headers,
        } = record;
        let published = match headers {
            Some(headers) => {
                injecting
                    .publish_with_headers(subject, headers, payload)
                    .await
            }
            None => injecting.publish(subject, payload).await,
        };
        published.expect("taken");
    }

    async fn send_by_hand(sender: &Client, tracer: &BoxedTracer, mut record: Record) {
        let builder = publish_span(&record.subject);
        let room = room(sender, &record.payload);
        let (span, headers) = start::<Self>(tracer, builder, record.headers.take(), room);
        record.headers = headers;
        publish(sender, record).await;
        end(span);
    }

    async fn send_without_span(sender: &Client, mut record: Record) {
        record.headers = carry::<Self>(record.headers.take(), room(sender, &record.payload));
        publish(sender, record).await;
    }

    async fn send_bare(sender: &Client, record: Record) {
        publish(sender, record).await;
    }
}

pub(super) fn what() -> (Subject, Bytes) {
    (Subject::from("orders.new"), Bytes::from_static(PAYLOAD))
}

/// By hand: the span of a send.
#[inline]
pub fn publish_span(subject: &str) -> SpanBuilder {
    Operation::sending("nats", "publish", 0).span([subject], [])
}

/// What the headers may take, by the server that the client is connected to now.
#[inline]
pub fn room(sender: &Client, payload: &[u8]) -> usize {
    let room = sender.max_payload().saturating_sub(payload.len());
    room.min(STREAM_HEADERS)
}

#[inline]
async fn publish(sender: &Client, record: Record) {
    let Record {
        subject,
        payload,
        headers,
    } = record;
    let published = match headers {
        Some(headers) => sender.publish_with_headers(subject, headers, payload).await,
        None => sender.publish(subject, payload).await,
    };
    published.expect("taken");
}
