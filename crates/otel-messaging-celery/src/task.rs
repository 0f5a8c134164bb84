//! A task that goes out.

use crate::error::TaskError;
use crate::json;
use crate::received::ReceivedTask;
use lapin::options::BasicPublishOptions;
use lapin::types::{AMQPValue, FieldTable, LongString, ShortString};
use lapin::{BasicProperties, Channel};
use otel_messaging_lapin::{InjectingProducer, PublisherConfirm};
use serde::Serialize;
use std::ops::Range;
use uuid::Uuid;

/// What Celery cuts the text of arguments to (its `argsrepr_maxsize`), in characters.
const MAX_SHOWN: usize = 1024;

const PERSISTENT: u8 = 2;

/// A task for a Celery worker: its name, its arguments and a new identifier.
///
/// [`publish`](Self::publish) sends it. The same task may be sent again, for example after a connection
/// was lost: it keeps its identifier.
///
/// ```
/// use otel_messaging_celery::Task;
/// use serde::Serialize;
///
/// #[derive(Serialize)]
/// struct Options {
///     express: bool,
/// }
///
/// let task = Task::new("orders.pack", (7, "card"), Options { express: true })?;
/// assert!(task.body().starts_with(br#"[[7,"card"],{"express":true},"#));
/// # Ok::<(), otel_messaging_celery::TaskError>(())
/// ```
///
/// The messages follow Celery's documentation, "Message Protocol", version 2.
#[derive(Debug, Clone)]
pub struct Task {
    name: ShortString,
    id: ShortString,
    root_id: Option<String>,
    parent_id: Option<String>,
    eta: Option<ShortString>,
    expires: Option<ShortString>,
    reply_to: Option<ShortString>,
    body: Vec<u8>,
    /// Where the keyword arguments begin and end in the body.
    kwargs: Range<usize>,
}

impl Task {
    /// Makes a task. `name` is the task's name in the worker, such as `orders.pack`.
    ///
    /// `args` is a list: a tuple, a sequence, or `()` for none. `kwargs` is a map: a struct, a map, or
    /// `()` for none. If a map in them has exactly the keys `__type__` and `__value__`, the worker takes
    /// it for a type of Python, and refuses the message if it does not know the type.
    ///
    /// If the JSON of a value has a `null` in it, the value is serialised a second time, to find floats
    /// that are not finite numbers. If the value then returns an error of its own, that is ignored; a
    /// panic is not.
    ///
    /// # Errors
    ///
    /// If `args` is not a list or `kwargs` is not a map, if a value cannot be written as JSON, such as a
    /// float that is not a finite number, and if the name is empty or longer than 255 bytes.
    pub fn new(
        name: impl Into<String>,
        args: impl Serialize,
        kwargs: impl Serialize,
    ) -> Result<Self, TaskError> {
        let name = short("name", name)?;
        let mut body = vec![b'['];
        if !write(&mut body, &args, b"[]")? {
            return Err(TaskError::ArgsNoList);
        }
        body.push(b',');
        let start = body.len();
        if !write(&mut body, &kwargs, b"{}")? {
            return Err(TaskError::KwargsNoMap);
        }
        let kwargs = start..body.len();
        // What a workflow would have the worker send next: there is none.
        body.extend(br#",{"callbacks":null,"errbacks":null,"chain":null,"chord":null}]"#);
        Ok(Self {
            name,
            id: short("id", Uuid::new_v4())?,
            root_id: None,
            parent_id: None,
            eta: None,
            expires: None,
            reply_to: None,
            body,
            kwargs,
        })
    }

    /// Sets the identifier, in place of a new UUID. Celery accepts any text. If it sees the same
    /// identifier again, it takes that for the same task, for example when it revokes tasks and stores
    /// results.
    ///
    /// # Errors
    ///
    /// When it is empty or longer than 255 bytes.
    pub fn with_id(mut self, id: impl Into<String>) -> Result<Self, TaskError> {
        self.id = short("id", id)?;
        Ok(self)
    }

    /// Names the task that sends this one: Celery's tools show tasks as a tree. It does not affect the
    /// trace.
    #[must_use]
    pub fn with_parent(mut self, parent: &ReceivedTask<'_>) -> Self {
        self.root_id = Some(parent.root_id().unwrap_or(parent.id()).to_owned());
        self.parent_id = Some(parent.id().to_owned());
        self
    }

    /// Sets the time before which the worker does not run the task, in ISO 8601 with an offset:
    /// `2026-11-21T20:30:00+00:00`. Without an offset it is in the worker's time zone.
    ///
    /// The worker takes the message and holds it back. A worker that cannot read the time refuses and
    /// drops the task.
    ///
    /// # Errors
    ///
    /// When it is empty or longer than 255 bytes.
    pub fn with_eta(mut self, eta: impl Into<String>) -> Result<Self, TaskError> {
        self.eta = Some(short("eta", eta)?);
        Ok(self)
    }

    /// Sets the time after which the worker does not run the task any more, written as for
    /// [`with_eta`](Self::with_eta).
    ///
    /// # Errors
    ///
    /// When it is empty or longer than 255 bytes.
    pub fn with_expires(mut self, expires: impl Into<String>) -> Result<Self, TaskError> {
        self.expires = Some(short("expires", expires)?);
        Ok(self)
    }

    /// Sets the queue for the task's result, for workers with the result backend `rpc://`. The result
    /// comes as JSON, with the task's identifier as the correlation id.
    #[must_use]
    pub fn with_reply_to(mut self, queue: ShortString) -> Self {
        self.reply_to = Some(queue);
        self
    }

    /// The identifier.
    pub fn id(&self) -> &str {
        self.id.as_str()
    }

    /// The body: JSON in UTF-8.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The properties and headers that make a message a task. Publish them with [`body`](Self::body). You
    /// may add a priority and the like to them.
    ///
    /// They have everything that Celery's own clients set, and `message_id`, the task's identifier. Spans
    /// have it as `messaging.message.id`, like the spans of Python's instrumentation.
    pub fn properties(&self) -> BasicProperties {
        let id = self.id.as_str();
        let args = shown(&self.body[1..self.kwargs.start - 1]);
        let kwargs = shown(&self.body[self.kwargs.clone()]);
        let headers = [
            ("lang", Some("rust")),
            ("task", Some(self.name.as_str())),
            ("id", Some(id)),
            ("root_id", Some(self.root_id.as_deref().unwrap_or(id))),
            ("parent_id", self.parent_id.as_deref()),
            ("eta", self.eta.as_ref().map(ShortString::as_str)),
            ("expires", self.expires.as_ref().map(ShortString::as_str)),
            ("argsrepr", Some(&args)),
            ("kwargsrepr", Some(&kwargs)),
        ];
        let mut table = FieldTable::default();
        for (name, text) in headers {
            if let Some(text) = text {
                // Of the types of text, the one that Celery's client reads.
                table.insert(name.into(), AMQPValue::LongString(LongString::from(text)));
            }
        }
        let properties = BasicProperties::default()
            .with_content_type("application/json".into())
            .with_content_encoding("utf-8".into())
            .with_delivery_mode(PERSISTENT)
            .with_correlation_id(self.id.clone())
            .with_message_id(self.id.clone())
            .with_headers(table);
        match &self.reply_to {
            Some(queue) => properties.with_reply_to(queue.clone()),
            None => properties,
        }
    }

    /// Publishes the task with the context that is current at the call, which the worker's span
    /// `run/{name}` then joins. Celery's own queue is `celery`, through the default exchange.
    ///
    /// This is only [`InjectingProducer::basic_publish`] with [`body`](Self::body) and
    /// [`properties`](Self::properties).
    ///
    /// # Errors
    ///
    /// The channel's error, unchanged.
    pub fn publish(
        &self,
        producer: &InjectingProducer<Channel>,
        exchange: ShortString,
        routing_key: ShortString,
        options: BasicPublishOptions,
    ) -> impl Future<Output = lapin::Result<PublisherConfirm>> {
        producer.basic_publish(
            exchange,
            routing_key,
            options,
            &self.body,
            self.properties(),
        )
    }
}

/// Writes the value as JSON; whether it is of the kind of `empty`, which also stands for `null`.
fn write(
    body: &mut Vec<u8>,
    value: &impl Serialize,
    empty: &[u8; 2],
) -> Result<bool, serde_json::Error> {
    let start = body.len();
    json::write(body, value)?;
    if &body[start..] == b"null" {
        body.truncate(start);
        body.extend(empty);
    }
    Ok(body[start] == empty[0])
}

pub(crate) fn short(
    field: &'static str,
    text: impl Into<String>,
) -> Result<ShortString, TaskError> {
    let text = text.into();
    if text.is_empty() {
        return Err(TaskError::TextLength(field));
    }
    ShortString::try_new(text).map_err(|_| TaskError::TextLength(field))
}

/// The text of arguments for the worker's log and for tools, cut as Celery's own clients do.
fn shown(json: &[u8]) -> String {
    // No more than the longest characters need.
    let text = String::from_utf8_lossy(&json[..json.len().min(4 * MAX_SHOWN)]);
    let mut shown: String = text.chars().take(MAX_SHOWN).collect();
    if shown.len() < json.len() {
        shown.push_str("...");
    }
    shown
}
