//! A task that came in.

use crate::arrived::{Arrived, text};
use crate::client::Celery;
use crate::error::ReadError;
use lapin::BasicProperties;
use lapin::message::Delivery;
use lapin::types::{AMQPValue, FieldTable, ShortString};
use otel_messaging::Received;
use otel_messaging::adapter::{Attributes, Describe, Destination, MessageInfo};
use otel_messaging_lapin::Lapin;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

/// A task that a Celery client sent, read from a delivery.
///
/// It is a [`Received`] message, so `with_message_context` and the like accept it. The handler's span is
/// the span of the delivery, with the attribute `celery.task_name`.
///
/// ```
/// use otel_messaging_celery::{ReadError, ReceivedTask};
///
/// # fn handle(delivery: &lapin::message::Delivery) -> Result<(), ReadError> {
/// let task = ReceivedTask::from_delivery(delivery)?;
/// match task.name() {
///     "orders.pack" => {
///         let (order, card): (u64, String) = task.args()?;
///         println!("order {order}, paid by {card}");
///     }
///     other => eprintln!("no such task: {other:?}"),
/// }
/// # Ok(())
/// # }
/// ```
///
/// The delivery bounds the size of everything that the sender chose, and this crate copies none of it.
/// The messages follow Celery's documentation, "Message Protocol", version 2.
#[derive(Debug, Clone, Copy)]
pub struct ReceivedTask<'a> {
    arrived: Arrived<'a>,
    /// The delivery's, which a task has.
    headers: &'a FieldTable,
    name: &'a str,
    id: &'a str,
    args: &'a RawValue,
    kwargs: &'a RawValue,
    embedded: &'a RawValue,
}

impl<'a> ReceivedTask<'a> {
    /// Reads the task's name and identifier, and finds its arguments in the body. The whole body has to
    /// be JSON. For the result of `basic_get`, pass the field `delivery`.
    ///
    /// # Errors
    ///
    /// If the message is not such a task: it comes from another program, has protocol 1, or its body is
    /// compressed or pickled. Reject it, because no other consumer takes it now. To handle such a message
    /// in its own span, use [`try_with_task`](crate::try_with_task).
    pub fn from_delivery(delivery: &'a Delivery) -> Result<Self, ReadError> {
        let headers = delivery.properties.headers().as_ref();
        let header = headers.and_then(|headers| headers.inner().get("task"));
        let (Some(headers), Some(_)) = (headers, header) else {
            return Err(ReadError::NoTask);
        };
        let name = text(headers, "task").ok_or(ReadError::Header("task"))?;
        let id = text(headers, "id").ok_or(ReadError::Header("id"))?;
        check_content(&delivery.properties, headers)?;
        let parts: (&RawValue, &RawValue, &RawValue) =
            serde_json::from_slice(&delivery.data).map_err(ReadError::Body)?;
        let (args, kwargs, embedded) = parts;
        if !args.get().starts_with('[') {
            return Err(ReadError::ArgsNoList);
        }
        if !kwargs.get().starts_with('{') {
            return Err(ReadError::KwargsNoMap);
        }
        Ok(Self {
            arrived: Arrived(delivery),
            headers,
            name,
            id,
            args,
            kwargs,
            embedded,
        })
    }

    /// The task's name, such as `orders.pack`: 1 to 255 bytes.
    pub fn name(&self) -> &'a str {
        self.name
    }

    /// The task's identifier, from most clients a UUID: 1 to 255 bytes.
    pub fn id(&self) -> &'a str {
        self.id
    }

    /// The arguments, as a tuple or a list of owned values: a text with an escape, as Python writes every
    /// letter beyond ASCII, cannot be borrowed.
    ///
    /// Types of Python's that JSON does not have come as maps: a `datetime` is
    /// `{"__type__": "datetime", "__value__": "2026-11-21T20:30:00+00:00"}`.
    ///
    /// # Errors
    ///
    /// If they do not have this type, or are nested deeper than serde_json reads (127).
    pub fn args<T: DeserializeOwned>(&self) -> Result<T, ReadError> {
        serde_json::from_str(self.args.get()).map_err(ReadError::Args)
    }

    /// The keyword arguments, as a struct or a map.
    ///
    /// # Errors
    ///
    /// The same as for [`args`](Self::args).
    pub fn kwargs<T: DeserializeOwned>(&self) -> Result<T, ReadError> {
        serde_json::from_str(self.kwargs.get()).map_err(ReadError::Kwargs)
    }

    /// The rest of the body: a map with the fields `callbacks`, `errbacks`, `chain` and `chord`, or
    /// `null`. They say what the sender wants done after this task. This crate does not do it.
    ///
    /// # Errors
    ///
    /// The same as for [`args`](Self::args).
    pub fn embedded<T: DeserializeOwned>(&self) -> Result<T, ReadError> {
        serde_json::from_str(self.embedded.get()).map_err(ReadError::Embedded)
    }

    /// The identifier of the first task in a tree of tasks.
    pub fn root_id(&self) -> Option<&'a str> {
        text(self.headers, "root_id")
    }

    /// The identifier of the task that sent this one.
    pub fn parent_id(&self) -> Option<&'a str> {
        text(self.headers, "parent_id")
    }

    /// How often the task was tried before; 0 also if the header is not such a number.
    pub fn retries(&self) -> u32 {
        match self.headers.inner().get("retries") {
            Some(AMQPValue::LongInt(retries)) => u32::try_from(*retries).unwrap_or(0),
            Some(AMQPValue::LongLongInt(retries)) => u32::try_from(*retries).unwrap_or(0),
            _ => 0,
        }
    }

    /// The time before which the task is not to be run, in ISO 8601, as the sender wrote it. Celery may
    /// deliver the message before this time; the handler has to wait.
    pub fn eta(&self) -> Option<&'a str> {
        text(self.headers, "eta")
    }

    /// The time after which the task is not to be run, in ISO 8601, as the sender wrote it.
    pub fn expires(&self) -> Option<&'a str> {
        text(self.headers, "expires")
    }

    /// The queue on which the sender waits for the result, if it has the backend `rpc://`. Celery's
    /// clients name a queue without that backend too, but never declare it.
    pub fn reply_to(&self) -> Option<&'a ShortString> {
        let reply_to = self.delivery().properties.reply_to().as_ref();
        reply_to.filter(|queue| !queue.as_str().is_empty())
    }

    /// The delivery, to be acknowledged.
    pub fn delivery(&self) -> &'a Delivery {
        self.arrived.0
    }

    /// Whether the sender has said that it wants no result.
    pub(crate) fn ignores_result(&self) -> bool {
        let ignores = self.headers.inner().get("ignore_result");
        matches!(ignores, Some(AMQPValue::Boolean(true)))
    }
}

/// The span is the delivery's, with the task's name in `celery.task_name`. If the message has no
/// identifier of its own, `messaging.message.id` is the task's. Python's instrumentation does the same
/// with both.
impl Describe<Lapin> for ReceivedTask<'_> {
    type Client = Celery;

    fn destination(&self) -> Destination<'_> {
        self.arrived.destination()
    }

    fn message_info(&self) -> MessageInfo<'_> {
        self.arrived.message_info()
    }

    fn body_size(&self) -> Option<usize> {
        self.arrived.body_size()
    }

    fn envelope_size(&self) -> Option<usize> {
        self.arrived.envelope_size()
    }

    fn set_attributes(&self, info: &MessageInfo<'_>, attributes: &mut Attributes) {
        self.arrived.set_attributes(info, attributes);
    }

    fn attribute_room(&self) -> usize {
        self.arrived.attribute_room()
    }
}

impl Received<Lapin> for ReceivedTask<'_> {
    type Headers = FieldTable;

    fn message_headers(&self) -> Option<&FieldTable> {
        self.arrived.message_headers()
    }
}

/// JSON in UTF-8, of which the other two encodings are a part or a spelling.
fn check_content(properties: &BasicProperties, headers: &FieldTable) -> Result<(), ReadError> {
    let content_type = properties.content_type().as_ref();
    let content_type = content_type.map_or("", ShortString::as_str);
    if !content_type.eq_ignore_ascii_case("application/json") {
        return Err(ReadError::ContentType(content_type.to_owned()));
    }
    if let Some(encoding) = properties.content_encoding() {
        let known = ["", "utf-8", "utf8", "us-ascii"];
        let encoding = encoding.as_str();
        if !known
            .iter()
            .any(|known| encoding.eq_ignore_ascii_case(known))
        {
            return Err(ReadError::ContentEncoding(encoding.to_owned()));
        }
    }
    match headers.inner().get("compression") {
        None | Some(AMQPValue::Void) => Ok(()),
        Some(_) => Err(ReadError::Compressed),
    }
}
