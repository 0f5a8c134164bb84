//! The context in headers, as this project reads it.

use crate::headers::Headers;
use crate::message::{System, Value};
use async_nats::header::{HeaderMap, HeaderName, HeaderValue};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::{SpanContext, TraceContextExt};
use otel_messaging::adapter::{Carrier, Contexts};
use otel_messaging_async_nats as _;
use otel_messaging_lapin as _;
use otel_messaging_rdkafka as _;
use rdkafka::message::{Header, OwnedHeaders};
use serde::Serialize;

/// What a service with otel-messaging reads.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Reading {
    #[serde(flatten)]
    pub(crate) sender: Sender,
    pub(crate) baggage: Vec<Entry>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "context", rename_all = "snake_case")]
pub(crate) enum Sender {
    Valid(Span),
    /// The handler's span is the root of a new trace, with a link to each of them.
    Contradicting {
        senders: Vec<Span>,
    },
    None,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Span {
    pub(crate) trace_id: String,
    pub(crate) span_id: String,
    pub(crate) sampled: bool,
    pub(crate) random_trace_id: bool,
    pub(crate) tracestate: String,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Entry {
    pub(crate) key: String,
    /// Decoded.
    pub(crate) value: String,
    pub(crate) properties: String,
}

impl From<&SpanContext> for Span {
    fn from(span: &SpanContext) -> Self {
        let flags = span.trace_flags().to_u8();
        Self {
            trace_id: span.trace_id().to_string(),
            span_id: span.span_id().to_string(),
            sampled: flags & 1 == 1,
            random_trace_id: flags & 2 == 2,
            tracestate: span.trace_state().header(),
        }
    }
}

/// Reads the context by the project's own code.
pub(crate) fn read<C, H: Carrier<C>>(headers: &H) -> Reading {
    let context = otel_messaging::extract(headers);
    let span = context.span();
    let sender = match (span.span_context(), headers.contexts()) {
        (span, _) if span.is_valid() => Sender::Valid(span.into()),
        (_, Contexts::Contradicting(sets)) => Sender::Contradicting {
            senders: sets
                .iter()
                .filter_map(|set| span_of(set.traceparent?))
                .collect(),
        },
        _ => Sender::None,
    };
    let baggage = context.baggage().iter();
    let entry =
        |(key, (value, properties)): (&opentelemetry::Key, &(opentelemetry::StringValue, _))| {
            let properties: &opentelemetry::baggage::BaggageMetadata = properties;
            Entry {
                key: key.to_string(),
                value: value.to_string(),
                properties: properties.as_str().to_owned(),
            }
        };
    let mut baggage: Vec<_> = baggage.map(entry).collect();
    baggage.sort_by(|a, b| a.key.cmp(&b.key));
    Reading { sender, baggage }
}

/// The span that a valid `traceparent` names.
pub(crate) fn span_of(traceparent: &str) -> Option<Span> {
    let mut alone = Headers::default();
    let value = traceparent.into();
    otel_messaging::adapter::CarrierMut::add(&mut alone, "traceparent", value).ok()?;
    let context = otel_messaging::extract(&alone);
    let span = context.span();
    let span = span.span_context();
    span.is_valid().then(|| span.into())
}

/// As the adapter of this system reads the same headers. What its client cannot hold is left out.
pub(crate) fn read_on(system: System, headers: &Headers) -> Reading {
    match system {
        System::Kafka => read(&kafka(headers)),
        System::RabbitMq => read(&rabbitmq(headers)),
        System::Nats => read(&nats(headers)),
    }
}

fn kafka(headers: &Headers) -> OwnedHeaders {
    let mut kafka = OwnedHeaders::new();
    for header in headers.as_sent() {
        // rdkafka panics on a name with a NUL.
        let Some(key) = name(header.name).filter(|name| !name.contains('\0')) else {
            continue;
        };
        let value = match header.value {
            Value::Text(text) => Some(text.as_bytes()),
            Value::Bytes(bytes) => Some(bytes),
            Value::Null | Value::Other(_) => None,
        };
        kafka = kafka.insert(Header { key, value });
    }
    kafka
}

fn rabbitmq(headers: &Headers) -> FieldTable {
    let mut table = FieldTable::default();
    for header in headers.as_sent() {
        let Some(Ok(name)) = name(header.name).map(ShortString::try_new) else {
            continue;
        };
        let value = match header.value {
            Value::Text(text) => AMQPValue::LongString(text.into()),
            Value::Bytes(bytes) => AMQPValue::ByteArray(bytes.to_vec().into()),
            Value::Null | Value::Other(_) => AMQPValue::Void,
        };
        table.insert(name, value);
    }
    table
}

fn nats(headers: &Headers) -> HeaderMap {
    let mut map = HeaderMap::new();
    for header in headers.as_sent() {
        let name = name(header.name).and_then(|name| name.parse::<HeaderName>().ok());
        let Value::Text(text) = header.value else {
            continue;
        };
        if let (Some(name), Ok(value)) = (name, text.parse::<HeaderValue>()) {
            map.append(name, value);
        }
    }
    map
}

fn name(name: &[u8]) -> Option<&str> {
    str::from_utf8(name).ok()
}
