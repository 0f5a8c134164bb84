//! Messages that lapin has received.

use crate::headers::Lapin;
use crate::redelivery::{delivery_count, sent_at};
use crate::route::Route;
use crate::wire_size;
use lapin::BasicProperties;
use lapin::message::{BasicGetMessage, BasicReturnMessage, Delivery};
use lapin::types::{FieldTable, ShortString};
use otel_messaging::Received;
use otel_messaging::adapter::{Attributes, Describe, Destination, MessageInfo, semconv};

/// A delivery does not know its queue, so the destination is `{exchange}:{routing key}`.
///
/// If the broker delivers a message again, its span has `rabbitmq.message.redelivered`. If the
/// count is greater than 1, it has `rabbitmq.message.delivery_count`. The count is the sum of
/// 1, the largest count in the header `x-death` (how often it went round through dead-lettering), and the
/// header `x-delivery-count` of quorum queues, or at least 1 if the broker says that it delivers again. A
/// sender can write both headers. The property `timestamp` is when the message was sent.
///
/// The size of the envelope is that of payload, properties and headers, as AMQP writes them.
impl Describe<Lapin> for Delivery {
    type Client = Lapin;

    #[inline]
    fn destination(&self) -> Destination<'_> {
        Route::of(self).destination()
    }

    fn message_info(&self) -> MessageInfo<'_> {
        let count = delivery_count(&self.properties, self.redelivered);
        message_info(self.destination(), &self.properties)
            .with_delivery_count(Some(count))
            .with_uncounted_redelivery(self.redelivered)
            .with_sent_at(sent_at(&self.properties))
    }

    fn body_size(&self) -> Option<usize> {
        Some(self.data.len())
    }

    fn envelope_size(&self) -> Option<usize> {
        wire_size::envelope(&self.data, &self.properties, self.message_headers())
    }

    fn set_attributes(&self, info: &MessageInfo<'_>, attributes: &mut Attributes) {
        Route::of(self).set_attributes(attributes);
        if self.redelivered {
            attributes.set(semconv::RABBITMQ_MESSAGE_REDELIVERED, true);
        }
        if let Some(count) = info.delivery_count().filter(|count| *count > 1) {
            let key = semconv::RABBITMQ_MESSAGE_DELIVERY_COUNT;
            attributes.set_count(key, count);
        }
        if let Ok(tag) = i64::try_from(self.delivery_tag) {
            attributes.set(semconv::RABBITMQ_MESSAGE_DELIVERY_TAG, tag);
        }
    }

    fn attribute_room(&self) -> usize {
        let properties = &self.properties;
        let [id, conversation] = [properties.message_id(), properties.correlation_id()];
        let ids = usize::from(id.is_some()) + usize::from(conversation.is_some());
        // The routing key, the tag, and how long it waited; that it came again, and how often.
        3 + ids + 2 * usize::from(self.redelivered)
    }
}

impl Received<Lapin> for Delivery {
    type Headers = FieldTable;

    #[inline]
    fn message_headers(&self) -> Option<&FieldTable> {
        self.properties.headers().as_ref()
    }
}

impl Describe<Lapin> for BasicGetMessage {
    type Client = Lapin;

    #[inline]
    fn destination(&self) -> Destination<'_> {
        self.delivery.destination()
    }

    fn message_info(&self) -> MessageInfo<'_> {
        self.delivery.message_info()
    }

    fn body_size(&self) -> Option<usize> {
        self.delivery.body_size()
    }

    fn envelope_size(&self) -> Option<usize> {
        self.delivery.envelope_size()
    }

    fn set_attributes(&self, info: &MessageInfo<'_>, attributes: &mut Attributes) {
        self.delivery.set_attributes(info, attributes);
    }

    fn attribute_room(&self) -> usize {
        self.delivery.attribute_room()
    }
}

impl Received<Lapin> for BasicGetMessage {
    type Headers = FieldTable;

    #[inline]
    fn message_headers(&self) -> Option<&FieldTable> {
        self.delivery.message_headers()
    }
}

/// `wait_for_confirms` and a confirmation's `take_message` give a message that no queue took. Its
/// context is the one that it was published with. It was never delivered, so it has no delivery tag,
/// and its headers count no delivery.
impl Describe<Lapin> for BasicReturnMessage {
    type Client = Lapin;

    #[inline]
    fn destination(&self) -> Destination<'_> {
        self.delivery.destination()
    }

    fn message_info(&self) -> MessageInfo<'_> {
        message_info(self.delivery.destination(), &self.properties)
    }

    fn body_size(&self) -> Option<usize> {
        self.delivery.body_size()
    }

    fn envelope_size(&self) -> Option<usize> {
        self.delivery.envelope_size()
    }

    fn set_attributes(&self, _: &MessageInfo<'_>, attributes: &mut Attributes) {
        Route::of(&self.delivery).set_attributes(attributes);
    }
}

impl Received<Lapin> for BasicReturnMessage {
    type Headers = FieldTable;

    #[inline]
    fn message_headers(&self) -> Option<&FieldTable> {
        self.delivery.message_headers()
    }
}

/// What the properties of every message say of it, on its way in or out.
pub(crate) fn message_info<'m>(
    destination: Destination<'m>,
    properties: &'m BasicProperties,
) -> MessageInfo<'m> {
    let ids = (
        properties.message_id().as_ref(),
        properties.correlation_id().as_ref(),
    );
    message_info_of(destination, ids)
}

/// What message id and correlation id say.
pub(crate) fn message_info_of<'m>(
    destination: Destination<'m>,
    (message_id, correlation_id): (Option<&'m ShortString>, Option<&'m ShortString>),
) -> MessageInfo<'m> {
    MessageInfo::new(destination)
        .with_message_id(message_id.map(ShortString::as_str))
        .with_conversation_id(correlation_id.map(ShortString::as_str))
}
