//! What a received message tells.

use crate::ack_subject::AckSubject;
use crate::headers::Nats;
use crate::subject::is_temporary;
use async_nats::header::{HeaderMap, NATS_MESSAGE_ID};
use async_nats::jetstream::message::StreamMessage;
use async_nats::{Message, jetstream};
use otel_messaging::{Description, Received, semconv};

pub(crate) const SYSTEM: &str = "nats";

/// Where a stream delivered it, its reply subject tells of stream, consumer, deliveries and time.
/// A sender who makes such a subject up is believed; current servers refuse it from clients.
impl Received<Nats> for Message {
    type Headers = HeaderMap;

    const SYSTEM: &'static str = SYSTEM;

    fn carried_headers(&self) -> Option<&HeaderMap> {
        self.headers.as_ref()
    }

    fn describe_message(&self, description: &mut Description) {
        describe(description, &self.subject, self.headers.as_ref());
        if let Some(told) = self.reply.as_deref().and_then(AckSubject::parse) {
            describe_delivery(description, &told);
        }
    }
}

/// Its reply subject tells of stream, consumer, deliveries and time. [`split`] takes that off the
/// message: of one that is to be split, call [`process`](crate::process) first, and run the handler
/// in what it gives.
///
/// [`split`]: jetstream::Message::split
impl Received<Nats> for jetstream::Message {
    type Headers = HeaderMap;

    const SYSTEM: &'static str = SYSTEM;

    fn carried_headers(&self) -> Option<&HeaderMap> {
        self.message.carried_headers()
    }

    fn describe_message(&self, description: &mut Description) {
        self.message.describe_message(description);
    }
}

/// A message that was looked up in its stream, as by `get_raw_message` and `direct_get`. It carries
/// the context with which it was stored.
impl Received<Nats> for StreamMessage {
    type Headers = HeaderMap;

    const SYSTEM: &'static str = SYSTEM;

    fn carried_headers(&self) -> Option<&HeaderMap> {
        Some(&self.headers)
    }

    fn describe_message(&self, description: &mut Description) {
        describe(description, &self.subject, Some(&self.headers));
        set_sequence(description, self.sequence);
        description.set_sent_at(self.time.into());
    }
}

fn describe_delivery(description: &mut Description, told: &AckSubject<'_>) {
    description.set_remote_attribute(semconv::MESSAGING_NATS_STREAM, told.stream);
    description.set_remote_attribute(semconv::MESSAGING_NATS_CONSUMER, told.consumer);
    description.set_delivery_count(semconv::MESSAGING_NATS_DELIVERY_COUNT, told.delivered);
    set_sequence(description, told.sequence);
    if let Some(published) = told.published {
        description.set_sent_at(published);
    }
}

fn set_sequence(description: &mut Description, sequence: u64) {
    if let Ok(sequence) = i64::try_from(sequence) {
        description.set_attribute(semconv::MESSAGING_NATS_SEQUENCE, sequence);
    }
}

pub(crate) fn describe(description: &mut Description, subject: &str, headers: Option<&HeaderMap>) {
    if is_temporary(subject) {
        description.set_temporary_destination(subject);
    } else {
        description.set_destination(subject);
    }
    set_message_id(description, headers);
}

pub(crate) fn set_message_id(description: &mut Description, headers: Option<&HeaderMap>) {
    if let Some(id) = headers.and_then(|headers| headers.get(NATS_MESSAGE_ID)) {
        description.set_remote_attribute(semconv::MESSAGING_MESSAGE_ID, id.as_str());
    }
}
