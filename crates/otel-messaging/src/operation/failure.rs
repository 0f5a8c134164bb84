//! How an error marks the span of its message.

use crate::message::remote_text;
use std::borrow::Cow;
use std::fmt;

/// How an error marks the span of its message: the `error.type` and the text of the status.
///
/// For [`try_with_message_context_with`](crate::try_with_message_context_with) and
/// [`MessageSpan::try_run_with`](crate::consumer::MessageSpan::try_run_with).
#[derive(Debug, Clone)]
pub struct Failure {
    pub(crate) error_type: Cow<'static, str>,
    pub(crate) description: String,
}

impl Failure {
    /// Makes a failure. `error_type` is a name of low cardinality, by which a viewer groups failures.
    /// `description` says what happened. Both are exported, cut to 1,024 bytes and without control
    /// characters. No more of the text is formatted.
    #[must_use]
    pub fn new(error_type: impl Into<Cow<'static, str>>, description: impl fmt::Display) -> Self {
        Self {
            error_type: error_type.into(),
            description: remote_text::shown_of(description),
        }
    }
}
