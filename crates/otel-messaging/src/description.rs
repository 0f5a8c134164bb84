//! What the conventions want to know of a message, told by an adapter to the core.

use crate::remote_text;
use crate::semconv;
use opentelemetry::trace::{SpanBuilder, SpanKind};
use opentelemetry::{KeyValue, Value};
use std::borrow::Cow;
use std::time::SystemTime;

/// What a span of a messaging operation says of the message: the system, the operation, the
/// destination and the attributes that the client knows.
///
/// An adapter fills it for each message that is sent, and in
/// [`Received::describe_message`](crate::Received::describe_message) for each that is received.
#[derive(Debug, Clone)]
pub struct Description {
    operation: &'static str,
    /// The destination, where it is fit for a span's name.
    named_for: Option<String>,
    attributes: Vec<KeyValue>,
    delivery_count: Option<u64>,
    sent_at: Option<SystemTime>,
}

impl Description {
    /// Describes a message that goes out. `system` is the convention's name of the broker, such
    /// as `kafka`; `operation` is the client's own word, such as `publish`.
    #[must_use]
    pub fn sent(system: &'static str, operation: &'static str) -> Self {
        Self::new(system, operation, "send")
    }

    pub(crate) fn processed(system: &'static str) -> Self {
        Self::new(system, "process", "process")
    }

    fn new(system: &'static str, operation: &'static str, operation_type: &'static str) -> Self {
        let mut attributes = Vec::with_capacity(8);
        attributes.extend([
            KeyValue::new(semconv::MESSAGING_SYSTEM, system),
            KeyValue::new(semconv::MESSAGING_OPERATION_NAME, operation),
            KeyValue::new(semconv::MESSAGING_OPERATION_TYPE, operation_type),
        ]);
        Self {
            operation,
            named_for: None,
            attributes,
            delivery_count: None,
            sent_at: None,
        }
    }

    /// Sets the convention's name of the messaging system, for a message whose type does not tell it.
    pub(crate) fn set_system(&mut self, system: &'static str) {
        self.attributes
            .retain(|attribute| attribute.key.as_str() != semconv::MESSAGING_SYSTEM);
        self.set_attribute(semconv::MESSAGING_SYSTEM, system);
    }

    /// Sets the destination: the topic, the subject, or exchange and routing key. It stands in
    /// the span's name and in `messaging.destination.name`.
    ///
    /// It may be any text: where a subscription has a wildcard, the sender chooses it. A span shows
    /// 1,024 bytes of it at most, cut at the end of a character, with a space in place of a tab or
    /// a line break, and with U+FFFD in place of other control characters and of those that change
    /// the direction of writing.
    pub fn set_destination(&mut self, name: impl Into<String>) {
        let name = remote_text::shown_owned(name.into());
        self.set_attribute(semconv::MESSAGING_DESTINATION_NAME, name.clone());
        self.named_for = Some(name);
    }

    /// Sets a destination that lives as long as one connection or one request, such as a reply
    /// inbox. It stays out of the span's name, which would otherwise be a new one each time
    /// (conventions, "Span name"). It is shown as by [`set_destination`](Self::set_destination).
    pub fn set_temporary_destination(&mut self, name: impl Into<String>) {
        let name = remote_text::shown_owned(name.into());
        self.set_attribute(semconv::MESSAGING_DESTINATION_NAME, name);
        self.set_attribute(semconv::MESSAGING_DESTINATION_TEMPORARY, true);
    }

    /// Adds an attribute, named as in [`semconv`](crate::semconv). A text that somebody else has
    /// chosen goes through [`set_remote_attribute`](Self::set_remote_attribute).
    pub fn set_attribute(&mut self, key: &'static str, value: impl Into<Value>) {
        self.attributes.push(KeyValue::new(key, value));
    }

    /// Adds an attribute whose text somebody else has chosen: the sender, or the broker. Control
    /// characters are replaced as by [`set_destination`](Self::set_destination). A text of more than
    /// 1,024 bytes, before or after that, is left out, since a part of an identifier is another
    /// identifier. The SDK sets no limit of its own.
    pub fn set_remote_attribute(&mut self, key: &'static str, text: &str) {
        if let Some(text) = remote_attribute(text) {
            self.set_attribute(key, text);
        }
    }

    /// Sets how often the message was delivered, this time included; `key` is the attribute's name.
    /// It counts for [`with_link_after_deliveries`](crate::Instrumentation::with_link_after_deliveries).
    pub fn set_delivery_count(&mut self, key: &'static str, count: u64) {
        self.set_attribute(key, i64::try_from(count).unwrap_or(i64::MAX));
        self.delivery_count = Some(count);
    }

    pub(crate) fn delivery_count(&self) -> Option<u64> {
        self.delivery_count
    }

    /// Sets when the message was sent, by the clock of its sender or of the broker. It counts for
    /// [`with_link_after_age`](crate::Instrumentation::with_link_after_age).
    pub fn set_sent_at(&mut self, time: SystemTime) {
        self.sent_at = Some(time);
    }

    pub(crate) fn sent_at(&self) -> Option<SystemTime> {
        self.sent_at
    }

    pub(crate) fn into_span_builder(self, kind: SpanKind) -> SpanBuilder {
        let name = match self.named_for {
            Some(destination) => Cow::Owned(format!("{} {destination}", self.operation)),
            None => Cow::Borrowed(self.operation),
        };
        SpanBuilder::from_name(name)
            .with_kind(kind)
            .with_attributes(self.attributes)
    }
}

/// A text that somebody else has chosen, as it is shown; `None` if it is too long.
#[inline]
pub(crate) fn remote_attribute(text: &str) -> Option<String> {
    remote_text::shown_whole(text).map(Cow::into_owned)
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
            let mut description = Description::sent("kafka", "send");
            let before = description.attributes.len();
            description.set_remote_attribute("key", &text);
            let added = description.attributes.len() - before;
            assert_eq!(added, usize::from(kept), "{text:?}");
        }
    }

    #[test]
    fn a_temporary_destination_stays_out_of_the_name() {
        let mut description = Description::sent("nats", "publish");
        description.set_temporary_destination("_INBOX.17");
        let builder = description.into_span_builder(SpanKind::Producer);
        assert_eq!(builder.name, "publish");

        let mut description = Description::sent("kafka", "send");
        description.set_destination("orders");
        let builder = description.into_span_builder(SpanKind::Producer);
        assert_eq!(builder.name, "send orders");
    }

    #[test]
    fn a_destination_of_the_senders_is_shown_within_limits() {
        let hostile = format!("orders.\u{1b}[2J\u{202e}{}", "x".repeat(3500));
        let shown = format!("orders.\u{fffd}[2J\u{fffd}{}", "x".repeat(1008));
        assert_eq!(shown.len(), 1024);
        for is_temporary in [false, true] {
            let mut description = Description::sent("nats", "publish");
            if is_temporary {
                description.set_temporary_destination(&*hostile);
            } else {
                description.set_destination(&*hostile);
                assert_eq!(description.named_for.as_deref(), Some(&*shown));
            }
            let name = KeyValue::new(semconv::MESSAGING_DESTINATION_NAME, shown.clone());
            assert!(description.attributes.contains(&name));
        }
    }

    #[test]
    fn a_remote_text_acts_on_no_reader() {
        let mut description = Description::sent("kafka", "send");
        description.set_remote_attribute("key", "7\u{1b}[2J\u{2066}");
        let shown = KeyValue::new("key", "7\u{fffd}[2J\u{fffd}");
        assert_eq!(description.attributes.last(), Some(&shown));
    }
}
