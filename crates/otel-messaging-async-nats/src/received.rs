//! Messages that async-nats has received.

use crate::ack_subject::{AckSubject, is_ack_subject};
use crate::headers::Nats;
use crate::subject;
use crate::wire_size;
use async_nats::header::{HeaderMap, HeaderValue, NATS_MESSAGE_ID};
use async_nats::jetstream::message::StreamMessage;
use async_nats::{Message, jetstream};
use otel_messaging::Received;
use otel_messaging::adapter::{Attributes, Describe, Destination, MessageInfo, semconv};

/// If a stream delivered the message, its reply subject says which stream and consumer, how often, and
/// when. The crate believes a sender that makes up such a subject; current servers refuse it from
/// clients.
impl Describe<Nats> for Message {
    type Client = Nats;

    #[inline]
    fn destination(&self) -> Destination<'_> {
        subject::destination(&self.subject)
    }

    fn message_info(&self) -> MessageInfo<'_> {
        let id = self.headers.as_ref().and_then(message_id);
        let info = MessageInfo::new(self.destination()).with_message_id(id);
        match delivery(self) {
            Some(told) => info
                .with_delivery_count(Some(told.delivered))
                .with_sent_at(told.published()),
            None => info,
        }
    }

    fn body_size(&self) -> Option<usize> {
        Some(self.payload.len())
    }

    fn envelope_size(&self) -> Option<usize> {
        wire_size::envelope(self.payload.len(), self.headers.as_ref())
    }

    fn set_attributes(&self, _info: &MessageInfo<'_>, attributes: &mut Attributes) {
        if let Some(told) = delivery(self) {
            set_delivery(attributes, &told);
            attributes.set_count(semconv::NATS_DELIVERY_COUNT, told.delivered);
        }
    }

    fn attribute_room(&self) -> usize {
        // The four of a stream, the message's identifier, and how long it waited.
        if self.reply.as_deref().is_some_and(is_ack_subject) {
            6
        } else {
            3
        }
    }
}

impl Received<Nats> for Message {
    type Headers = HeaderMap;

    #[inline]
    fn message_headers(&self) -> Option<&HeaderMap> {
        self.headers.as_ref()
    }
}

/// Its reply subject says which stream and consumer delivered it, how often, and when. [`split`] takes
/// the reply subject off the message. So call [`process`](crate::process) before you split it, and run
/// the handler with the result.
///
/// [`split`]: jetstream::Message::split
impl Describe<Nats> for jetstream::Message {
    type Client = Nats;

    #[inline]
    fn destination(&self) -> Destination<'_> {
        self.message.destination()
    }

    fn message_info(&self) -> MessageInfo<'_> {
        self.message.message_info()
    }

    fn body_size(&self) -> Option<usize> {
        self.message.body_size()
    }

    fn envelope_size(&self) -> Option<usize> {
        self.message.envelope_size()
    }

    fn set_attributes(&self, info: &MessageInfo<'_>, attributes: &mut Attributes) {
        self.message.set_attributes(info, attributes);
    }

    fn attribute_room(&self) -> usize {
        self.message.attribute_room()
    }
}

impl Received<Nats> for jetstream::Message {
    type Headers = HeaderMap;

    #[inline]
    fn message_headers(&self) -> Option<&HeaderMap> {
        self.message.message_headers()
    }
}

/// A message that was read from its stream by `get_raw_message` or `direct_get`. It carries the context
/// with which it was stored.
impl Describe<Nats> for StreamMessage {
    type Client = Nats;

    fn destination(&self) -> Destination<'_> {
        subject::destination(&self.subject)
    }

    fn message_info(&self) -> MessageInfo<'_> {
        MessageInfo::new(self.destination())
            .with_message_id(message_id(&self.headers))
            .with_sent_at(Some(self.time.into()))
    }

    fn body_size(&self) -> Option<usize> {
        Some(self.payload.len())
    }

    fn envelope_size(&self) -> Option<usize> {
        wire_size::envelope(self.payload.len(), Some(&self.headers))
    }

    fn set_attributes(&self, _info: &MessageInfo<'_>, attributes: &mut Attributes) {
        set_sequence(attributes, self.sequence);
    }
}

impl Received<Nats> for StreamMessage {
    type Headers = HeaderMap;

    fn message_headers(&self) -> Option<&HeaderMap> {
        Some(&self.headers)
    }
}

#[cfg(feature = "service")]
impl Describe<Nats> for async_nats::service::Request {
    type Client = Nats;

    fn destination(&self) -> Destination<'_> {
        self.message.destination()
    }

    fn message_info(&self) -> MessageInfo<'_> {
        self.message.message_info()
    }

    fn body_size(&self) -> Option<usize> {
        self.message.body_size()
    }

    fn envelope_size(&self) -> Option<usize> {
        self.message.envelope_size()
    }

    fn set_attributes(&self, info: &MessageInfo<'_>, attributes: &mut Attributes) {
        self.message.set_attributes(info, attributes);
    }

    fn attribute_room(&self) -> usize {
        self.message.attribute_room()
    }
}

#[cfg(feature = "service")]
impl Received<Nats> for async_nats::service::Request {
    type Headers = HeaderMap;

    fn message_headers(&self) -> Option<&HeaderMap> {
        self.message.message_headers()
    }
}

/// The identifier of the message. A stream drops a second message that has the same.
pub(crate) fn message_id(headers: &HeaderMap) -> Option<&str> {
    let id = if headers.len() > FEW {
        headers.get(NATS_MESSAGE_ID)
    } else {
        let mut headers = headers.iter();
        let (_, values) = headers.find(|(name, _)| **name == NATS_MESSAGE_ID)?;
        values.first()
    };
    id.map(HeaderValue::as_str)
}

/// Among so many headers, to look at each costs less than to hash a name.
const FEW: usize = 8;

/// The stream, the consumer and the sequence numbers, if a stream delivered the message.
fn delivery(message: &Message) -> Option<AckSubject<'_>> {
    AckSubject::parse(message.reply.as_deref()?)
}

/// The stream's message, and the consumer that has it.
pub(crate) fn set_delivery(attributes: &mut Attributes, told: &AckSubject<'_>) {
    attributes.set_remote(semconv::NATS_STREAM, told.stream);
    attributes.set_remote(semconv::NATS_CONSUMER, told.consumer);
    set_sequence(attributes, told.sequence);
}

fn set_sequence(attributes: &mut Attributes, sequence: u64) {
    if let Ok(sequence) = i64::try_from(sequence) {
        attributes.set(semconv::NATS_SEQUENCE, sequence);
    }
}
