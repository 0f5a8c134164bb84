//! A message that is put aside: what its headers say about the failure.

use crate::carrier::headers::CarrierMut;
use crate::field::traceparent;
use crate::field::value::FieldValue;
use crate::loss::count::report;
use crate::message::destination::Destination;
use crate::message::remote_text;
use opentelemetry::trace::SpanContext;
use std::fmt;

/// The header of a dead letter that has the error's text, cut and cleaned as by
/// [`Failure::new`](crate::Failure::new).
pub const DEAD_LETTER_ERROR: &str = "dead-letter-error";
/// The header of a dead letter that says where it was first put aside: the topic, the subject, or
/// exchange and routing key, written as in the names of spans.
pub const DEAD_LETTER_SOURCE: &str = "dead-letter-source";
/// The header of a dead letter that has the `traceparent` with which the message came when it was
/// first put aside.
pub const DEAD_LETTER_TRACEPARENT: &str = "dead-letter-traceparent";

/// What the headers of a dead letter say about the failure; see
/// [`Relay::DeadLetter`](crate::adapter::Relay::DeadLetter).
pub struct DeadLetter<'a> {
    source: Destination<'a>,
    error: &'a dyn fmt::Display,
    details: Vec<(&'static str, String)>,
}

impl<'a> DeadLetter<'a> {
    /// `source` is the destination from which the message came. `error` says why it could not be handled.
    #[must_use]
    pub fn new(source: Destination<'a>, error: &'a dyn fmt::Display) -> Self {
        Self {
            source,
            error,
            details: Vec::new(),
        }
    }

    /// Adds a header of the adapter, such as the offset at the source.
    #[must_use]
    pub fn with_detail(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.details.push((name, value.into()));
        self
    }

    pub(crate) fn error(&self) -> String {
        remote_text::shown_of(self.error)
    }

    pub(crate) fn source(&self) -> String {
        remote_text::shown_of_parts(self.source)
    }
}

impl fmt::Debug for DeadLetter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeadLetter")
            .field("source", &self.source)
            .field("error", &self.error())
            .field("details", &self.details)
            .finish()
    }
}

/// Writes the failure into the headers of a message that came from `sender`.
pub(crate) fn write<C, H: CarrierMut<C>>(
    headers: &mut H,
    dead_letter: &DeadLetter<'_>,
    sender: &SpanContext,
    (error, source): (&str, &str),
) {
    set(headers, DEAD_LETTER_ERROR, error);
    if headers.get_all(DEAD_LETTER_SOURCE).next().is_some() {
        return;
    }
    set(headers, DEAD_LETTER_SOURCE, source);
    // One that came in without a source is nobody's.
    headers.remove(&[DEAD_LETTER_TRACEPARENT]);
    if sender.is_valid() {
        let traceparent = traceparent::format(sender, sender.trace_flags());
        let traceparent = String::from_utf8_lossy(&traceparent);
        set(headers, DEAD_LETTER_TRACEPARENT, &traceparent);
    }
    for (name, value) in &dead_letter.details {
        set(headers, name, &remote_text::shown(value));
    }
}

fn set<C, H: CarrierMut<C>>(headers: &mut H, name: &str, value: &str) {
    if let Err(reason) = headers.set(name, FieldValue::from(value)) {
        report(1, reason);
    }
}
