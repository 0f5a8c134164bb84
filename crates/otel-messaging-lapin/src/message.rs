//! What a received message tells.

use crate::destination::Destination;
use crate::headers::Lapin;
use crate::redelivery::describe_redelivery;
use lapin::BasicProperties;
use lapin::message::{BasicGetMessage, BasicReturnMessage, Delivery};
use lapin::types::FieldTable;
use otel_messaging::{Description, Received, semconv};

pub(crate) const SYSTEM: &str = "rabbitmq";

/// A delivery does not know its queue, so the destination is `{exchange}:{routing key}`.
///
/// Of a message that comes again the span has `messaging.rabbitmq.message.redelivered` and
/// `messaging.rabbitmq.message.delivery_count`: 1, and the largest count in the header `x-death`
/// (how often it went round through dead-lettering), and the header `x-delivery-count` of quorum
/// queues or, without it, 1 if the broker says that it delivers again. A sender can write both
/// headers. The property `timestamp` is when the message was sent.
impl Received<Lapin> for Delivery {
    type Headers = FieldTable;

    const SYSTEM: &'static str = SYSTEM;

    fn carried_headers(&self) -> Option<&FieldTable> {
        self.properties.headers().as_ref()
    }

    fn describe_message(&self, description: &mut Description) {
        Destination::new(self.exchange.as_str(), self.routing_key.as_str()).describe(description);
        describe_properties(description, &self.properties);
        describe_redelivery(description, self);
        if let Ok(tag) = i64::try_from(self.delivery_tag) {
            description.set_attribute(semconv::MESSAGING_RABBITMQ_MESSAGE_DELIVERY_TAG, tag);
        }
    }
}

impl Received<Lapin> for BasicGetMessage {
    type Headers = FieldTable;

    const SYSTEM: &'static str = SYSTEM;

    fn carried_headers(&self) -> Option<&FieldTable> {
        self.delivery.carried_headers()
    }

    fn describe_message(&self, description: &mut Description) {
        self.delivery.describe_message(description);
    }
}

/// A message that no queue took, as `wait_for_confirms` and a confirmation's `take_message` give
/// it: the context is the one that it was published with.
impl Received<Lapin> for BasicReturnMessage {
    type Headers = FieldTable;

    const SYSTEM: &'static str = SYSTEM;

    fn carried_headers(&self) -> Option<&FieldTable> {
        self.delivery.carried_headers()
    }

    // It was never delivered: there is no tag, and its headers tell of no delivery.
    fn describe_message(&self, description: &mut Description) {
        Destination::new(self.exchange.as_str(), self.routing_key.as_str()).describe(description);
        describe_properties(description, &self.properties);
    }
}

pub(crate) fn describe_properties(description: &mut Description, properties: &BasicProperties) {
    if let Some(id) = properties.message_id() {
        description.set_remote_attribute(semconv::MESSAGING_MESSAGE_ID, id.as_str());
    }
    if let Some(id) = properties.correlation_id() {
        let key = semconv::MESSAGING_MESSAGE_CONVERSATION_ID;
        description.set_remote_attribute(key, id.as_str());
    }
}
