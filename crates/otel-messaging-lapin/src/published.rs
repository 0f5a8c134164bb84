//! A message that goes out.

use crate::headers::Lapin;
use crate::received::message_info;
use crate::route::Route;
use lapin::BasicProperties;
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
