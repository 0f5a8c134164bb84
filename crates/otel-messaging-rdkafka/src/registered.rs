//! Messages that can be settled.

use crate::headers::Kafka;
use crate::settle::Settler;
use otel_messaging::Received;
use otel_messaging::adapter::{Attributes, Describe, Destination, MessageInfo};
use otel_messaging::consumer::Unsettled;
use std::ops::Deref;

/// A message that can be settled, of [`Offsets::register`](crate::Offsets::register). It has the methods of
/// rdkafka's message, and can move to a task if that can.
#[derive(Debug)]
pub struct Registered<M> {
    settler: Settler,
    message: M,
}

impl<M> Registered<M> {
    pub(crate) fn new(settler: Settler, message: M) -> Self {
        Self { settler, message }
    }

    /// Gives the message back. Unless it is settled, its offset stays left.
    pub fn into_inner(self) -> M {
        self.message
    }
}

impl<M> Deref for Registered<M> {
    type Target = M;

    fn deref(&self) -> &M {
        &self.message
    }
}

impl<M: Received<Kafka>> Unsettled<Kafka> for Registered<M> {
    type Settler = Settler;

    fn settler(&self) -> Settler {
        self.settler.clone()
    }
}

impl<M: Received<Kafka>> Received<Kafka> for Registered<M> {
    type Headers = M::Headers;

    fn message_headers(&self) -> Option<&M::Headers> {
        self.message.message_headers()
    }
}

impl<M: Received<Kafka>> Describe<Kafka> for Registered<M> {
    type Client = M::Client;

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
