//! The failures of a batch. Its span says the first one, and how many of its messages failed.

use crate::loss::boundary::text;
use crate::message::remote_text;
use crate::operation::failure::Failure;
use std::borrow::Cow;
use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// The failures of a batch, which its span and its messages share.
#[derive(Debug)]
pub(crate) struct Failures {
    /// The span records, so that somebody may read the text.
    is_shown: bool,
    first: OnceLock<Failure>,
    messages: AtomicU64,
}

impl Failures {
    pub(crate) fn new(is_shown: bool) -> Self {
        Self {
            is_shown,
            first: OnceLock::new(),
            messages: AtomicU64::new(0),
        }
    }

    /// Notes a failure, of one message or of the batch itself. Only the first one's text is made. Returns
    /// whether it is the first one.
    pub(crate) fn add(
        &self,
        is_of_message: bool,
        error_type: Cow<'static, str>,
        description: impl fmt::Display,
    ) -> bool {
        if is_of_message {
            self.messages.fetch_add(1, Ordering::Relaxed);
        }
        if self.first.get().is_some() {
            return false;
        }
        let shown = || text(|| remote_text::shown_of(description));
        let description = self.is_shown.then(shown).flatten().unwrap_or_default();
        let first = Failure {
            error_type,
            description,
        };
        self.first.set(first).is_ok()
    }

    pub(crate) fn first(&self) -> Option<&Failure> {
        self.first.get()
    }

    /// How many messages failed.
    pub(crate) fn messages(&self) -> u64 {
        self.messages.load(Ordering::Relaxed)
    }
}
