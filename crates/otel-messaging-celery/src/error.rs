//! What cannot be sent, and what is no task.

use thiserror::Error;

/// Why a [`Task`](crate::Task) or an [`Answer`](crate::Answer) cannot be made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TaskError {
    /// The arguments are no list: neither a sequence, nor a tuple, nor `()`.
    #[error("the arguments of a Celery task are a list; give a tuple, a sequence or ()")]
    ArgsNoList,
    /// The keyword arguments are no map: neither a struct, nor a map, nor `()`.
    #[error("the keyword arguments of a Celery task are a map; give a struct, a map or ()")]
    KwargsNoMap,
    /// A name, an identifier or a time is empty, or longer than AMQP's short strings: 255 bytes.
    #[error("the {0} of a Celery task takes 1 to 255 bytes")]
    TextLength(&'static str),
    /// A value that JSON cannot express, a float that is no finite number for one.
    #[error("a value cannot be written as JSON")]
    Json(#[from] serde_json::Error),
}

/// Why a message is no task that can be handled.
///
/// The messages are short and safe to log. The source of those with one is the reader's of JSON: it
/// may quote what the sender wrote.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReadError {
    /// There is no header `task`: the message is none of Celery's, or one of protocol 1.
    #[error("no Celery task of protocol 2: the message has no header `task`")]
    NoTask,
    /// The header `task` or `id` is missing, empty, no text or longer than 255 bytes.
    #[error("the header `{0}` is no text of 1 to 255 bytes")]
    Header(&'static str),
    /// The body is not JSON by its content type, but pickle, say.
    #[error("the content type is {0:?}, where only application/json is read")]
    ContentType(String),
    /// The body is JSON in another encoding than UTF-8.
    #[error("the content encoding is {0:?}, where only utf-8 is read")]
    ContentEncoding(String),
    /// The sender has compressed the body (the setting `task_compression`).
    #[error("the body is compressed, which is not read")]
    Compressed,
    /// The body is no list of arguments, keyword arguments and further fields.
    #[error("the body is no JSON list of the three parts of a task")]
    Body(#[source] serde_json::Error),
    /// The body's first part is no list.
    #[error("the task's arguments are no list")]
    ArgsNoList,
    /// The body's second part is no map.
    #[error("the task's keyword arguments are no map")]
    KwargsNoMap,
    /// The arguments are none of the type that was asked for.
    #[error("the task's arguments are not as the handler has them")]
    Args(#[source] serde_json::Error),
    /// The keyword arguments are none of the type that was asked for.
    #[error("the task's keyword arguments are not as the handler has them")]
    Kwargs(#[source] serde_json::Error),
    /// The further fields are none of the type that was asked for.
    #[error("the task's embedded fields are not as the handler has them")]
    Embedded(#[source] serde_json::Error),
}

impl ReadError {
    /// The name of the variant, such as `ContentType`: for the attribute `error.type` of a span.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::NoTask => "NoTask",
            Self::Header(_) => "Header",
            Self::ContentType(_) => "ContentType",
            Self::ContentEncoding(_) => "ContentEncoding",
            Self::Compressed => "Compressed",
            Self::Body(_) => "Body",
            Self::ArgsNoList => "ArgsNoList",
            Self::KwargsNoMap => "KwargsNoMap",
            Self::Args(_) => "Args",
            Self::Kwargs(_) => "Kwargs",
            Self::Embedded(_) => "Embedded",
        }
    }
}
