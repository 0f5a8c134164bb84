//! The attributes of a span, as an adapter adds them.

use crate::message::remote_text;
use opentelemetry::{Key, KeyValue, StringValue, Value};
use std::borrow::Cow;
use std::cell::Cell;

/// Attributes of a span that has started, or that has its answer: an adapter adds to them
/// what its messaging system alone has.
#[derive(Debug, Default)]
pub struct Attributes {
    list: Vec<KeyValue>,
}

thread_local! {
    /// The memory of a list that is empty again, for the next one on this thread.
    static SPARE: Cell<Vec<KeyValue>> = const { Cell::new(Vec::new()) };
}

/// A longer list is not kept.
const LONGEST_SPARE: usize = 64;

impl Attributes {
    /// Works with a list that is empty, and takes its memory back.
    #[inline]
    pub(crate) fn with_spare(work: impl FnOnce(&mut Self)) {
        // While the thread ends there is none.
        let list = SPARE.try_with(Cell::take).unwrap_or_default();
        let mut attributes = Self { list };
        work(&mut attributes);
        if !attributes.is_empty() {
            attributes.list.clear();
        }
        if attributes.list.capacity() <= LONGEST_SPARE {
            let _ = SPARE.try_with(|spare| spare.set(attributes.list));
        }
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// All attributes, which leave the list.
    pub(crate) fn drain(&mut self) -> std::vec::Drain<'_, KeyValue> {
        self.list.drain(..)
    }

    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self {
            list: Vec::with_capacity(capacity),
        }
    }

    /// Adds an attribute, named as in `semconv`. For a text that the sender or the broker has chosen, use
    /// [`set_remote`](Self::set_remote).
    pub fn set(&mut self, key: &'static str, value: impl Into<Value>) {
        self.list.push(KeyValue::new(key, value));
    }

    /// Adds a number that counts from 0; beyond what an attribute can hold, the largest one.
    pub fn set_count(&mut self, key: &'static str, count: u64) {
        self.set(key, i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// Adds an attribute whose text the sender or the broker has chosen. Control characters become
    /// U+FFFD, and line breaks become spaces. A text of more than 1,024 bytes, before or after that, is
    /// left out, because a part of an identifier is another identifier. The SDK sets no limit of its own.
    pub fn set_remote(&mut self, key: &'static str, text: &str) {
        if let Some(text) = remote_text::shown_whole(text).map(Cow::into_owned) {
            self.set(key, text);
        }
    }

    /// Adds an attribute whose name was made at run time.
    pub(crate) fn set_value(&mut self, key: Key, value: Value) {
        self.list.push(KeyValue::new(key, value));
    }

    /// Adds a size in bytes, if it is known.
    pub(crate) fn set_size(&mut self, key: &'static str, size: Option<usize>) {
        if let Some(size) = size.and_then(|size| u64::try_from(size).ok()) {
            self.set_count(key, size);
        }
    }

    /// Adds all attributes of another list.
    pub(crate) fn append(&mut self, mut other: Self) {
        self.list.append(&mut other.list);
    }

    /// Adds the attributes of a list.
    pub(crate) fn extend(&mut self, list: Vec<KeyValue>) {
        self.list.extend(list);
    }

    /// A text of the sender's or the broker's as [`set_remote`](Self::set_remote) shows it.
    pub(crate) fn shown(text: &str) -> Option<StringValue> {
        let shown = remote_text::shown_whole(text)?;
        Some(shown.into_owned().into())
    }

    pub(crate) fn into_list(self) -> Vec<KeyValue> {
        self.list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remote_text_is_kept_up_to_its_limit() {
        for (text, kept) in [
            ("x".repeat(1024), true),
            ("x".repeat(1025), false),
            // U+FFFD takes 3 bytes in place of one.
            ("\u{1}".repeat(341), true),
            ("\u{1}".repeat(342), false),
            ("\u{1}".repeat(1024), false),
            (format!("{}\u{1}", "x".repeat(1021)), true),
            (format!("{}\u{1}", "x".repeat(1022)), false),
            ("\u{2028}".repeat(342), false),
        ] {
            let mut attributes = Attributes::default();
            attributes.set_remote("key", &text);
            assert_eq!(attributes.list.len(), usize::from(kept), "{text:?}");
        }
    }

    #[test]
    fn a_remote_text_acts_on_no_reader() {
        let mut attributes = Attributes::default();
        attributes.set_remote("key", "7\u{1b}[2J\u{2066}");
        let shown = KeyValue::new("key", "7\u{fffd}[2J\u{fffd}");
        assert_eq!(attributes.into_list(), [shown]);
    }
}
