//! The failures of a batch. Its span says the first one, and how many of its messages failed.

use crate::loss::boundary::text;
use crate::message::remote_text;
use crate::operation::failure::Failure;
use std::borrow::Cow;
use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// The failures of a batch, which its span and its messages share.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    first: OnceLock<Failure>,
    messages: AtomicU64,
}

impl Failures {
    /// Notes a failure, of one message or of the batch itself. Only the first one's text is made.
    pub(crate) fn add(
        &self,
        is_of_message: bool,
        error_type: Cow<'static, str>,
        description: impl fmt::Display,
    ) {
        if is_of_message {
            self.messages.fetch_add(1, Ordering::Relaxed);
        }
        if self.first.get().is_none() {
            let description = text(|| remote_text::shown_of(description));
            let _ = self.first.set(Failure {
                error_type,
                description: description.unwrap_or_default(),
            });
        }
    }

    pub(crate) fn first(&self) -> Option<&Failure> {
        self.first.get()
    }

    /// How many messages failed.
    pub(crate) fn messages(&self) -> u64 {
        self.messages.load(Ordering::Relaxed)
    }
}
