//! The errors of making a task and of reading one.

use thiserror::Error;

/// Why a [`Task`](crate::Task) or an [`Answer`](crate::Answer) cannot be made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TaskError {
    /// The arguments are not a list: a sequence, a tuple or `()`.
    #[error("the arguments of a Celery task must be a list: give a tuple, a sequence or ()")]
    ArgsNoList,
    /// The keyword arguments are not a map: a struct, a map or `()`.
    #[error("the keyword arguments of a Celery task must be a map: give a struct, a map or ()")]
    KwargsNoMap,
    /// A name, an identifier or a time is empty, or longer than AMQP's short strings: 255 bytes.
    #[error("the {0} of a Celery task must have 1 to 255 bytes")]
    TextLength(&'static str),
    /// JSON cannot express a value, such as a float that is not a finite number.
    #[error("a value cannot be written as JSON")]
    Json(#[from] serde_json::Error),
}

/// Why a message cannot be handled as a task.
///
/// The texts are short and safe to log. The source of an error, if it has one, is serde_json's error. It
/// may quote what the sender wrote.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The message does not have the header `task`. It does not come from Celery, or has protocol 1.
    #[error("the message is not a Celery task of protocol 2: it does not have the header `task`")]
    NoTask,
    /// The header `task` or `id` is missing, empty, not text or longer than 255 bytes.
    #[error("the header `{0}` is missing, or is not text of 1 to 255 bytes")]
    Header(&'static str),
    /// The content type is not JSON, but for example pickle.
    #[error("the content type is {0:?}, and only application/json is supported")]
    ContentType(String),
    /// The body is JSON, but not in UTF-8.
    #[error("the content encoding is {0:?}, and only utf-8 is supported")]
    ContentEncoding(String),
    /// The sender has compressed the body (the setting `task_compression`).
    #[error("the body is compressed, which is not supported")]
    Compressed,
    /// The body is not a list of arguments, keyword arguments and further fields.
    #[error("the body is not a JSON list of a task's three parts")]
    Body(#[source] serde_json::Error),
    /// The body's first part is not a list.
    #[error("the task's arguments are not a list")]
    ArgsNoList,
    /// The body's second part is not a map.
    #[error("the task's keyword arguments are not a map")]
    KwargsNoMap,
    /// The arguments do not have the requested type.
    #[error("the task's arguments do not have the type that the handler asked for")]
    Args(#[source] serde_json::Error),
    /// The keyword arguments do not have the requested type.
    #[error("the task's keyword arguments do not have the type that the handler asked for")]
    Kwargs(#[source] serde_json::Error),
    /// The further fields do not have the requested type.
    #[error("the task's embedded fields do not have the type that the handler asked for")]
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
