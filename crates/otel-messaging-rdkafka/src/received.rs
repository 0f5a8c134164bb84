//! Received messages: where their headers are, and what is known of them.

use crate::headers::Kafka;
use crate::parse_lock;
use crate::span_attributes::{set_content, set_offset};
use crate::wire_size;
use otel_messaging::Received;
use otel_messaging::adapter::{Attributes, Describe, Destination, MessageInfo};
use rdkafka::Message;
use rdkafka::message::{BorrowedHeaders, BorrowedMessage, OwnedHeaders, OwnedMessage, Timestamp};
use std::time::{Duration, SystemTime};

/// Several threads may handle one message at once. librdkafka parses a message's headers when they are
/// first asked for, which changes the message without a lock. This crate asks under its own lock.
/// rdkafka's own [`headers`](rdkafka::Message::headers) and [`detach`](BorrowedMessage::detach) do not.
/// Where threads share a message, call them in one thread first, as soon as the message is there;
/// afterwards they only read.
impl Received<Kafka> for BorrowedMessage<'_> {
    type Headers = BorrowedHeaders;

    fn message_headers(&self) -> Option<&BorrowedHeaders> {
        parse_lock::headers(self)
    }
}

impl Received<Kafka> for OwnedMessage {
    type Headers = OwnedHeaders;

    fn message_headers(&self) -> Option<&OwnedHeaders> {
        self.headers()
    }
}

impl Describe<Kafka> for BorrowedMessage<'_> {
    type Client = Kafka;

    fn destination(&self) -> Destination<'_> {
        Destination::named(self.topic())
    }

    fn message_info(&self) -> MessageInfo<'_> {
        info_of(self)
    }

    fn body_size(&self) -> Option<usize> {
        Some(self.payload().map_or(0, <[u8]>::len))
    }

    fn envelope_size(&self) -> Option<usize> {
        envelope_size_of(self)
    }

    fn set_attributes(&self, _info: &MessageInfo<'_>, attributes: &mut Attributes) {
        set_attributes_of(self, attributes);
    }
}

impl Describe<Kafka> for OwnedMessage {
    type Client = Kafka;

    fn destination(&self) -> Destination<'_> {
        Destination::named(self.topic())
    }

    fn message_info(&self) -> MessageInfo<'_> {
        info_of(self)
    }

    fn body_size(&self) -> Option<usize> {
        Some(self.payload().map_or(0, <[u8]>::len))
    }

    fn envelope_size(&self) -> Option<usize> {
        envelope_size_of(self)
    }

    fn set_attributes(&self, _info: &MessageInfo<'_>, attributes: &mut Attributes) {
        set_attributes_of(self, attributes);
    }
}

fn info_of(message: &impl Message) -> MessageInfo<'_> {
    MessageInfo::new(Destination::named(message.topic()))
        // librdkafka uses negative numbers for a partition that it does not know.
        .with_partition(u32::try_from(message.partition()).ok())
        .with_sent_at(sent_at(message.timestamp()))
}

/// Key, payload and headers.
fn envelope_size_of(message: &impl Carried) -> Option<usize> {
    wire_size::envelope(message.key(), message.payload(), message.carried())
}

fn set_attributes_of(message: &impl Message, attributes: &mut Attributes) {
    set_content(attributes, message.key(), message.payload());
    set_offset(attributes, message.offset());
}

/// The sender's time, or the broker's where the topic is configured for that.
fn sent_at(timestamp: Timestamp) -> Option<SystemTime> {
    let millis = u64::try_from(timestamp.to_millis()?).ok()?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(millis))
}

/// A received message that can be sent on: a [`BorrowedMessage`] or an [`OwnedMessage`]. The trait is
/// sealed.
#[diagnostic::on_unimplemented(
    message = "otel-messaging-rdkafka cannot send on `{Self}`",
    note = "it sends on a `BorrowedMessage` or an `OwnedMessage`, of the version of rdkafka that \
            otel-messaging-rdkafka depends on"
)]
pub trait ReceivedRecord: Carried {}

impl ReceivedRecord for BorrowedMessage<'_> {}
impl ReceivedRecord for OwnedMessage {}

pub trait Carried: Message {
    /// The headers, for librdkafka to copy: rdkafka's own reading panics on a name that is not UTF-8.
    fn carried(&self) -> Option<&BorrowedHeaders>;
}

impl Carried for BorrowedMessage<'_> {
    fn carried(&self) -> Option<&BorrowedHeaders> {
        parse_lock::headers(self)
    }
}

impl Carried for OwnedMessage {
    fn carried(&self) -> Option<&BorrowedHeaders> {
        self.headers().map(OwnedHeaders::as_borrowed)
    }
}

#[cfg(test)]
mod tests;
