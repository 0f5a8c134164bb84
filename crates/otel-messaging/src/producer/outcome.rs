//! What came of sending a message.

use crate::message::attributes::Attributes;
use std::borrow::Cow;
use std::fmt;

/// What came of sending a message, as far as its client tells.
pub enum Outcome<'a> {
    /// Nobody knows, as when the future of a publish is dropped.
    Unknown,
    /// The broker, or the client where there is no answer, has the message. The function adds what the
    /// answer tells, such as partition and offset; it is called only if the span records it.
    Accepted(&'a dyn Fn(&mut Attributes)),
    /// The message was refused.
    Failed {
        /// A name of low cardinality for `error.type`.
        error_type: Cow<'static, str>,
        /// What happened. It is exported, cut to 1,024 bytes and without control characters.
        message: &'a dyn fmt::Display,
    },
}

impl<'a> Outcome<'a> {
    /// The message is accepted, and the answer tells nothing else.
    #[must_use]
    pub fn accepted() -> Self {
        Self::Accepted(&|_| {})
    }

    /// The message was refused.
    #[must_use]
    pub fn failed(error_type: impl Into<Cow<'static, str>>, message: &'a dyn fmt::Display) -> Self {
        Self::Failed {
            error_type: error_type.into(),
            message,
        }
    }
}

impl fmt::Debug for Outcome<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "Unknown",
            Self::Accepted(_) => "Accepted",
            Self::Failed { .. } => "Failed",
        })
    }
}
