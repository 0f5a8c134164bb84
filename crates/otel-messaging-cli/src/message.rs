//! A message as its client hands it out, in the form that the examination reads.

use otel_messaging::adapter::{Carrier, Contexts, FieldSet};
use serde::Serialize;
use std::fmt;

/// A message, borrowed from its client.
pub(crate) struct Message<'m> {
    /// Kafka's topic, the exchange or the queue, the subject.
    pub(crate) destination: &'m str,
    /// What else the message tells of its producer.
    pub(crate) origin: Origin<'m>,
    /// Where a person finds the message again.
    pub(crate) place: Place,
    /// Every header, in the order of the message.
    pub(crate) headers: Vec<Header<'m>>,
    /// The contexts in these headers, as the client's carrier reads them.
    pub(crate) contexts: Contexts<'m>,
    /// The id that its producer gave it.
    pub(crate) id: Option<&'m str>,
    /// The media type that its properties tell, where the client has properties.
    pub(crate) content_type: Option<&'m str>,
    pub(crate) payload: &'m [u8],
}

/// The contexts in headers, as their carrier reads them. Mostly each field is there once, and nothing has to be
/// settled.
pub(crate) fn contexts<C, H: Carrier<C>>(headers: Option<&H>) -> Contexts<'_> {
    let Some(headers) = headers else {
        return Contexts::One(FieldSet::default());
    };
    let Some(each) = headers.get_each(["traceparent", "tracestate", "baggage"]) else {
        return headers.contexts();
    };
    let [traceparent, tracestate, baggage] = each;
    let mut set = FieldSet::default();
    set.traceparent = text(traceparent);
    set.tracestate.extend(text(tracestate));
    set.baggage.extend(text(baggage));
    Contexts::One(set)
}

fn text(value: Option<&[u8]>) -> Option<&str> {
    let text = str::from_utf8(value?).ok()?.trim_matches([' ', '\t']);
    Some(text).filter(|text| !text.is_empty())
}

/// What a message tells of its producer, beside its headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin<'m> {
    /// Kafka: the record's key.
    Key(Option<&'m [u8]>),
    /// RabbitMQ: the routing key, and the producer's `app_id`.
    Route {
        routing_key: &'m str,
        app_id: Option<&'m str>,
    },
    /// NATS tells nothing but the subject, which is the destination.
    Subject,
}

/// A header as it is on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header<'m> {
    /// Mostly UTF-8.
    pub(crate) name: &'m [u8],
    pub(crate) value: Value<'m>,
}

/// The value of a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Value<'m> {
    /// Text: an AMQP string, or bytes that are UTF-8 where a protocol knows nothing but bytes.
    Text(&'m str),
    /// An AMQP byte array, whatever is in it; elsewhere bytes that are not UTF-8.
    Bytes(&'m [u8]),
    Null,
    /// Another type of AMQP, by its name.
    Other(&'static str),
}

/// Where a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Place {
    /// In a partition of Kafka.
    Offset { partition: i32, offset: i64 },
    /// In a stream, of JetStream or of RabbitMQ.
    Sequence(u64),
    /// The nth message that came while the program listened.
    Nth(u64),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Offset { partition, offset } => {
                write!(f, "partition {partition} offset {offset}")
            }
            Place::Sequence(sequence) => write!(f, "sequence {sequence}"),
            Place::Nth(nth) => write!(f, "message {nth}"),
        }
    }
}

/// The messaging system, which decides what readers in other languages make of a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
#[value(rename_all = "lower")]
pub(crate) enum System {
    Kafka,
    RabbitMq,
    Nats,
}

impl fmt::Display for System {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            System::Kafka => "Kafka",
            System::RabbitMq => "RabbitMQ",
            System::Nats => "NATS",
        })
    }
}
