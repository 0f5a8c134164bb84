//! A message that goes out.

use crate::headers::Lapin;
use crate::received::message_info;
use crate::route::Route;
use crate::wire_size;
use lapin::BasicProperties;
use lapin::types::FieldTable;
use otel_messaging::adapter::{Attributes, Describe, Destination, MessageInfo};
use otel_messaging::producer::ProducerInfo;

/// The client's own word, in the names of spans.
pub(crate) const PUBLISH: &str = "publish";

/// A message that is being published, as its span describes it.
pub(crate) struct Published<'m> {
    pub(crate) route: Route<'m>,
    /// An answer to the queue that a request names.
    pub(crate) is_reply: bool,
    pub(crate) properties: &'m BasicProperties,
    /// The headers that it has without its context.
    pub(crate) headers: Option<&'m FieldTable>,
    pub(crate) payload: &'m [u8],
    pub(crate) info: &'m ProducerInfo,
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

    fn producer_info(&self) -> Option<&ProducerInfo> {
        Some(self.info)
    }

    fn body_size(&self) -> Option<usize> {
        Some(self.payload.len())
    }

    fn envelope_size(&self) -> Option<usize> {
        wire_size::envelope(self.payload, self.properties, self.headers)
    }

    fn set_attributes(&self, _: &MessageInfo<'_>, attributes: &mut Attributes) {
        self.route.set_attributes(attributes);
    }
}
