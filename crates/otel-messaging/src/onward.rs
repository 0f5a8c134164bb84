//! Messages that are sent on: forwarded as they came, republished, or put aside as dead letters.

use crate::carried::Carried;
use crate::carrier::{Carrier, CarrierError, CarrierMut};
use crate::current::current_context;
use crate::description::Description;
use crate::dropped;
use crate::field_value::FieldValue;
use crate::instrumentation::Instrumentation;
use crate::operation::Operation;
use crate::producer::Sending;
use crate::propagation::format_traceparent;
use crate::remote_text;
use crate::semconv;
use opentelemetry::trace::{Link, SpanContext, SpanKind};
use std::fmt;

/// The header of a dead letter that says what went wrong: the error's text, shown as by
/// [`Description::set_destination`].
pub const DEAD_LETTER_ERROR: &str = "dead-letter-error";
/// The header of a dead letter that says where it was first put aside: the topic, the subject, or
/// exchange and routing key, written as in the names of spans.
pub const DEAD_LETTER_SOURCE: &str = "dead-letter-source";
/// The header of a dead letter that has the `traceparent` with which the message came when it was
/// first put aside.
pub const DEAD_LETTER_TRACEPARENT: &str = "dead-letter-traceparent";

/// What the headers of a dead letter say of the message that failed; see [`Sending::dead_letter`].
///
/// Other crates write it as well, so it is made with [`new`](Self::new).
pub struct DeadLetter<'a> {
    source: &'a str,
    error: &'a dyn fmt::Display,
    details: Vec<(&'static str, String)>,
}

impl<'a> DeadLetter<'a> {
    /// `source` is where the message came from, as in the names of spans; `error` is why it could
    /// not be handled.
    #[must_use]
    pub fn new(source: &'a str, error: &'a dyn fmt::Display) -> Self {
        Self {
            source,
            error,
            details: Vec::new(),
        }
    }

    /// Adds a header of the adapter's, such as the offset at the source.
    #[must_use]
    pub fn with_detail(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.details.push((name, value.into()));
        self
    }

    fn error(&self) -> String {
        remote_text::shown_of(self.error)
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

impl Sending {
    /// Starts the span of a message that is sent on with the context that its `headers` have: of
    /// kind CLIENT, child of the current context and linked to the span that the message came
    /// from. [`inject`](Self::inject) then changes nothing (conventions, "Message creation
    /// context": what is there should not be modified).
    ///
    /// A message without a context, or with one that cannot be read, is sent as
    /// [`start`](Self::start) does, and gets this one. So does one with contexts that contradict
    /// each other: none of them can be kept. Its span is linked to each of their senders.
    pub fn forward<C, H: Carrier<C> + ?Sized>(
        by: Option<&Instrumentation>,
        description: Description,
        headers: Option<&H>,
    ) -> Self {
        let by = instrumentation(by);
        let carried = carried_by(&by, headers);
        let links = carried.links();
        // What was not read is not replaced either.
        if !carried.has_sender() && !carried.is_unread {
            return Self::linked(by, description, links);
        }
        let builder = description.into_span_builder(SpanKind::Client);
        let builder = builder.with_links(links);
        let operation = Operation::start(&by, builder, &current_context());
        Self::new(by, operation, Some(carried.context))
    }

    /// Starts the span of a message that is sent on with a new context in place of the one that its
    /// `headers` have: of kind PRODUCER, child of the current context and linked to the span that
    /// the message came from, if it says so; if contexts contradict each other there, to each of
    /// their senders.
    pub fn republish<C, H: Carrier<C> + ?Sized>(
        by: Option<&Instrumentation>,
        description: Description,
        headers: Option<&H>,
    ) -> Self {
        let by = instrumentation(by);
        let links = carried_by(&by, headers).links();
        Self::linked(by, description, links)
    }

    /// Starts the span of a message that could not be handled and is put aside: as
    /// [`republish`](Self::republish), with what went wrong on the span and in the headers, under
    /// the names [`DEAD_LETTER_ERROR`], [`DEAD_LETTER_SOURCE`] and [`DEAD_LETTER_TRACEPARENT`].
    ///
    /// Of a message that is put aside once more, the source and the traceparent stay what they were
    /// the first time. `room` is as in [`inject_where_room`](Self::inject_where_room): where these
    /// headers would make the message too large they are left out, and counted in
    /// [`dropped_fields`](crate::dropped_fields).
    pub fn dead_letter<C, H: CarrierMut<C> + Clone>(
        by: Option<&Instrumentation>,
        mut description: Description,
        headers: &mut H,
        dead_letter: &DeadLetter<'_>,
        room: impl Fn(&H) -> Option<usize>,
    ) -> Self {
        let by = instrumentation(by);
        let carried = carried_by(&by, Some(&*headers));
        let error = dead_letter.error();
        description.set_attribute(semconv::MESSAGING_DEAD_LETTER_ERROR, error.clone());
        let source = remote_text::shown(dead_letter.source).into_owned();
        description.set_attribute(semconv::MESSAGING_DEAD_LETTER_SOURCE, source);
        let before = room(headers).map(|_| headers.clone());
        write(headers, dead_letter, &carried.sender(), &error);
        if let Some(before) = before
            && room(headers).is_none()
        {
            *headers = before;
            dropped::report(1, CarrierError::TooLarge);
        }
        Self::linked(by, description, carried.links())
    }

    fn linked(by: Instrumentation, description: Description, links: Vec<Link>) -> Self {
        let mut builder = description.into_span_builder(SpanKind::Producer);
        if !links.is_empty() {
            builder = builder.with_links(links);
        }
        let operation = Operation::start(&by, builder, &current_context());
        Self::new(by, operation, None)
    }
}

fn write<C, H: CarrierMut<C>>(
    headers: &mut H,
    dead_letter: &DeadLetter<'_>,
    sender: &SpanContext,
    error: &str,
) {
    set(headers, DEAD_LETTER_ERROR, error);
    if headers.get_all(DEAD_LETTER_SOURCE).next().is_some() {
        return;
    }
    set(
        headers,
        DEAD_LETTER_SOURCE,
        &remote_text::shown(dead_letter.source),
    );
    // One that came in without a source is nobody's.
    headers.remove(&[DEAD_LETTER_TRACEPARENT]);
    if sender.is_valid() {
        set(
            headers,
            DEAD_LETTER_TRACEPARENT,
            &format_traceparent(sender),
        );
    }
    for (name, value) in &dead_letter.details {
        set(headers, name, &remote_text::shown(value));
    }
}

fn set<C, H: CarrierMut<C>>(headers: &mut H, name: &str, value: &str) {
    if let Err(reason) = headers.set(name, FieldValue::from(value)) {
        dropped::report(1, reason);
    }
}

fn instrumentation(by: Option<&Instrumentation>) -> Instrumentation {
    by.cloned().unwrap_or_else(Instrumentation::global)
}

fn carried_by<C, H: Carrier<C> + ?Sized>(by: &Instrumentation, headers: Option<&H>) -> Carried {
    headers.map_or_else(Carried::nothing, |headers| by.read(headers))
}
