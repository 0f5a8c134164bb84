//! async-nats: a message that a stream delivered. Its reply subject says what the server knows of it.

use super::metrics::labels;
use super::span::{Operation, end};
use super::{HeadersOf, Receives, Sends};
use crate::client::Nats;
use async_nats::HeaderMap;
use async_nats::jetstream::publish::PublishAck;
use async_nats::jetstream::{self, Message};
use opentelemetry::KeyValue;
use opentelemetry::global::BoxedSpan;
use opentelemetry::trace::{Span, SpanBuilder};
use std::sync::LazyLock;
use std::time::{Duration, SystemTime};
use tokio::runtime::Builder;

pub enum JetStream {}

/// A message answers its server through it.
static CONTEXT: LazyLock<jetstream::Context> = LazyLock::new(|| {
    let client = Nats::connect();
    let runtime = Builder::new_current_thread().build().expect("a runtime");
    let context = {
        let _entered = runtime.enter();
        jetstream::new(client)
    };
    std::mem::forget(runtime);
    context
});

impl Receives for JetStream {
    type Client = Nats;
    type Message = Message;

    fn message(headers: HeadersOf<Self>) -> Message {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let nanoseconds = now.unwrap_or_default().as_nanos();
        let reply = format!("$JS.ACK.orders.billing.1.100.7.{nanoseconds}.42");
        let mut message = Nats::message(headers);
        message.reply = Some(reply.into());
        Message {
            message,
            context: CONTEXT.clone(),
        }
    }

    #[inline]
    fn headers(message: &Message) -> Option<&HeaderMap> {
        message.message.headers.as_ref()
    }

    #[inline]
    fn process_span(message: &Message) -> (SpanBuilder, bool) {
        let Some(delivered) = Delivered::of(message) else {
            return Nats::process_span(&message.message);
        };
        let queued = delivered.published.elapsed().unwrap_or_default();
        let span = Operation::processing("nats").span(
            [&message.message.subject],
            [
                KeyValue::new("nats.stream", delivered.stream.to_owned()),
                KeyValue::new("nats.consumer", delivered.consumer.to_owned()),
                sequence(delivered.sequence),
                KeyValue::new("nats.delivery_count", delivered.count),
                KeyValue::new("otel_messaging.queue_time", queued.as_secs_f64()),
            ],
        );
        (span, delivered.count > 10)
    }

    fn process_labels() -> Vec<KeyValue> {
        labels("nats", "process")
    }

    fn sent_at(message: &Message) -> Option<SystemTime> {
        Some(Delivered::of(message)?.published)
    }
}

/// What the reply subject says.
struct Delivered<'a> {
    stream: &'a str,
    consumer: &'a str,
    count: i64,
    sequence: i64,
    published: SystemTime,
}

impl<'a> Delivered<'a> {
    /// `$JS.ACK.<stream>.<consumer>.<count>.<sequence>.<sequence>.<time>.<pending>`; domain and account stand before
    /// the stream if there are more tokens.
    #[inline]
    fn of(message: &'a Message) -> Option<Self> {
        let reply: &str = message.message.reply.as_deref()?.strip_prefix("$JS.ACK.")?;
        let mut ends = [0; 9];
        let mut count = 0;
        for (place, byte) in reply.bytes().enumerate() {
            if byte == b'.' {
                *ends.get_mut(count)? = place;
                count += 1;
            }
        }
        let first = match count {
            6 => 0,
            8 | 9 => 2,
            _ => return None,
        };
        let from = |token: usize| if token == 0 { 0 } else { ends[token - 1] + 1 };
        let token = |token: usize| reply.get(from(first + token)..ends[first + token]);
        Some(Self {
            stream: token(0)?,
            consumer: token(1)?,
            count: number(token(2)?)?,
            sequence: number(token(3)?)?,
            published: SystemTime::UNIX_EPOCH
                + Duration::from_nanos(number(token(5)?)?.try_into().ok()?),
        })
    }
}

#[inline]
fn number(digits: &str) -> Option<i64> {
    digits.parse().ok()
}

/// By hand: the span of a send.
#[inline]
pub fn publish_span(subject: &str) -> SpanBuilder {
    Operation::sending("nats", "publish", 2).span([subject], [])
}

/// By hand: ends the span of a message that the stream has taken.
#[inline]
pub fn end_acknowledged(mut span: Option<BoxedSpan>, answer: &PublishAck) {
    if let Some(span) = &mut span
        && span.is_recording()
    {
        span.set_attribute(KeyValue::new("nats.stream", answer.stream.clone()));
        span.set_attribute(sequence(i64::try_from(answer.sequence).unwrap_or_default()));
    }
    end(span);
}

fn sequence(number: i64) -> KeyValue {
    KeyValue::new("nats.sequence", number)
}
