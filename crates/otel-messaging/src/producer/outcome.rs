//! The outcome of sending a message.

use crate::message::attributes::Attributes;
use std::borrow::Cow;
use std::fmt;

/// The outcome of sending a message, as far as the client knows it.
pub enum Outcome<'a> {
    /// The outcome is unknown, for example because the caller dropped the future of a publish.
    Unknown,
    /// The client has taken the message, and the broker gives no answer, or one that adds no attributes:
    /// [`Outcome::accepted`].
    Taken,
    /// The broker has accepted the message. The function adds attributes from the answer, such as partition and
    /// offset. It is called only if the span is recorded.
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
    /// The message is accepted, and the answer adds no attributes.
    #[must_use]
    pub fn accepted() -> Self {
        Self::Taken
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
            Self::Taken => "Taken",
            Self::Accepted(_) => "Accepted",
            Self::Failed { .. } => "Failed",
        })
    }
}
