//! A message that should be a task, before its body is read.

use crate::client::Celery;
use lapin::message::Delivery;
use lapin::types::{AMQPValue, FieldTable};
use otel_messaging::Received;
use otel_messaging::adapter::{Attributes, Describe, Destination, MessageInfo};
use otel_messaging_lapin::Lapin;

/// The longest name and identifier, in bytes: an identifier also stands in AMQP's short strings.
const MAX_TEXT: usize = 255;

/// The attribute that OpenTelemetry's instrumentation for Python has on its spans.
const CELERY_TASK_NAME: &str = "celery.task_name";

/// A message that should be a task. The task's name and identifier stand in the headers, also if its
/// body cannot be read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrived<'a>(pub(crate) &'a Delivery);

impl Arrived<'_> {
    /// The task's name, if the message has one.
    fn task_name(&self) -> Option<&str> {
        text(self.message_headers()?, "task")
    }

    /// The task's identifier, if the message has a task's name too.
    fn task_id(&self) -> Option<&str> {
        self.task_name()?;
        text(self.message_headers()?, "id")
    }
}

impl Describe<Lapin> for Arrived<'_> {
    type Client = Celery;

    fn destination(&self) -> Destination<'_> {
        self.0.destination()
    }

    fn message_info(&self) -> MessageInfo<'_> {
        let info = self.0.message_info();
        match info.message_id() {
            Some(_) => info,
            None => info.with_message_id(self.task_id()),
        }
    }

    fn body_size(&self) -> Option<usize> {
        self.0.body_size()
    }

    fn envelope_size(&self) -> Option<usize> {
        self.0.envelope_size()
    }

    fn set_attributes(&self, info: &MessageInfo<'_>, attributes: &mut Attributes) {
        self.0.set_attributes(info, attributes);
        if let Some(name) = self.task_name() {
            attributes.set_remote(CELERY_TASK_NAME, name);
        }
    }

    fn attribute_room(&self) -> usize {
        1 + self.0.attribute_room()
    }
}

impl Received<Lapin> for Arrived<'_> {
    type Headers = FieldTable;

    fn message_headers(&self) -> Option<&FieldTable> {
        self.0.message_headers()
    }
}

/// A header of 1 to 255 bytes of text; any other reads as absent.
pub(crate) fn text<'a>(headers: &'a FieldTable, name: &str) -> Option<&'a str> {
    let text = match headers.inner().get(name)? {
        AMQPValue::LongString(text) => str::from_utf8(text.as_bytes()).ok()?,
        AMQPValue::ShortString(text) => text.as_str(),
        _ => return None,
    };
    (1..=MAX_TEXT).contains(&text.len()).then_some(text)
}
