//! What a received message tells.

use crate::headers::Nats;
use async_nats::header::{HeaderMap, NATS_MESSAGE_ID};
use async_nats::{Message, jetstream};
use otel_messaging::{Description, Received, semconv};

pub(crate) const SYSTEM: &str = "nats";

impl Received<Nats> for Message {
    type Headers = HeaderMap;

    const SYSTEM: &'static str = SYSTEM;

    fn carried_headers(&self) -> Option<&HeaderMap> {
        self.headers.as_ref()
    }

    fn describe_message(&self, description: &mut Description) {
        describe(description, &self.subject, self.headers.as_ref());
    }
}

impl Received<Nats> for jetstream::Message {
    type Headers = HeaderMap;

    const SYSTEM: &'static str = SYSTEM;

    fn carried_headers(&self) -> Option<&HeaderMap> {
        self.message.carried_headers()
    }

    fn describe_message(&self, description: &mut Description) {
        self.message.describe_message(description);
        let Ok(info) = self.info() else { return };
        description.set_attribute(semconv::MESSAGING_NATS_STREAM, info.stream.to_owned());
        description.set_attribute(semconv::MESSAGING_NATS_CONSUMER, info.consumer.to_owned());
        description.set_attribute(semconv::MESSAGING_NATS_DELIVERY_COUNT, info.delivered);
        if let Ok(sequence) = i64::try_from(info.stream_sequence) {
            description.set_attribute(semconv::MESSAGING_NATS_SEQUENCE, sequence);
        }
    }
}

pub(crate) fn describe(description: &mut Description, subject: &str, headers: Option<&HeaderMap>) {
    // Reply inboxes live as long as one request.
    if subject.starts_with("_INBOX.") {
        description.set_temporary_destination(subject);
    } else {
        description.set_destination(subject);
    }
    if let Some(id) = headers.and_then(|headers| headers.get(NATS_MESSAGE_ID)) {
        description.set_remote_attribute(semconv::MESSAGING_MESSAGE_ID, id.as_str());
    }
}
