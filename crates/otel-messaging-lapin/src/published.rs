//! A message that goes out.

use crate::headers::Lapin;
use crate::route::Route;
use lapin::BasicProperties;
use lapin::types::ShortString;
use otel_messaging::adapter::{Attributes, Describe, Destination, MessageInfo};

/// A message that is being published, as its span describes it.
pub(crate) struct Published<'m> {
    route: Route<'m>,
    properties: &'m BasicProperties,
    is_reply: bool,
}

impl<'m> Published<'m> {
    pub(crate) fn new(route: Route<'m>, properties: &'m BasicProperties) -> Self {
        Self {
            route,
            properties,
            is_reply: false,
        }
    }

    /// An answer to the queue that a request names.
    pub(crate) fn reply(queue: &'m str, properties: &'m BasicProperties) -> Self {
        Self {
            route: Route::new("", queue),
            properties,
            is_reply: true,
        }
    }
}

impl Describe<Lapin> for Published<'_> {
    type Client = Lapin;

    fn destination(&self) -> Destination<'_> {
        if self.is_reply {
            self.route.as_reply()
        } else {
            self.route.destination()
        }
    }

    fn message_info(&self) -> MessageInfo<'_> {
        message_info(self.destination(), self.properties)
    }

    fn set_attributes(&self, _: &MessageInfo<'_>, attributes: &mut Attributes) {
        self.route.set_attributes(attributes);
    }
}

/// What the properties of every message say of it, on its way out or in.
pub(crate) fn message_info<'m>(
    destination: Destination<'m>,
    properties: &'m BasicProperties,
) -> MessageInfo<'m> {
    let message_id = properties.message_id().as_ref();
    let correlation_id = properties.correlation_id().as_ref();
    MessageInfo::new(destination)
        .with_message_id(message_id.map(ShortString::as_str))
        .with_conversation_id(correlation_id.map(ShortString::as_str))
}
