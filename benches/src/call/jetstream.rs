//! async-nats with a stream: the bound's spans.

use super::span::Operation;
use async_nats::Error;
use async_nats::jetstream::Message;
use async_nats::jetstream::publish::PublishAck;
use opentelemetry::KeyValue;
use opentelemetry::global::BoxedSpan;
use opentelemetry::trace::{Span, SpanBuilder};
use std::time::SystemTime;

/// The bound: the span of a message's handling.
///
/// # Errors
///
/// If the message does not say where it comes from.
#[inline]
pub fn process_span(message: &Message) -> Result<SpanBuilder, Error> {
    let info = message.info()?;
    let queued = SystemTime::from(info.published).elapsed();
    let queue_time = queued.unwrap_or_default().as_secs_f64();
    Ok(Operation::processing("nats").span(
        [&message.subject],
        [
            KeyValue::new("nats.stream", info.stream.to_owned()),
            KeyValue::new("nats.consumer", info.consumer.to_owned()),
            sequence(info.stream_sequence),
            KeyValue::new("nats.delivery_count", info.delivered),
            KeyValue::new("otel_messaging.queue_time", queue_time),
        ],
    ))
}

/// The bound: the span of a send.
#[inline]
pub fn publish_span(subject: &str) -> SpanBuilder {
    Operation::sending("nats", "publish", 2).span([subject], [])
}

/// The bound: ends the span of a message that the stream has taken.
#[inline]
pub fn end_acknowledged(mut span: BoxedSpan, answer: &PublishAck) {
    if span.is_recording() {
        span.set_attribute(KeyValue::new("nats.stream", answer.stream.clone()));
        span.set_attribute(sequence(answer.sequence));
    }
    span.end();
}

fn sequence(number: u64) -> KeyValue {
    KeyValue::new("nats.sequence", i64::try_from(number).unwrap_or_default())
}
