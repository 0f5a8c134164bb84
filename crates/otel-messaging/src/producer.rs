//! The producer side: the span of a message that is sent, and its context in the headers.

use crate::carrier::{Carrier, CarrierError, CarrierMut};
use crate::current::current_context;
use crate::description::{Description, remote_attribute};
use crate::dropped;
use crate::instrumentation::Instrumentation;
use crate::operation::Operation;
use crate::propagation::{FIELDS, TRACEPARENT_SIZE};
use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::{SpanKind, TraceContextExt};
use opentelemetry::{Context, Value};
use std::borrow::Cow;
use std::fmt;

impl Instrumentation {
    /// Starts the span of a message that is being sent: of kind PRODUCER, child of the context
    /// that is [current](current_context) at the call.
    ///
    /// This is what the `InjectingProducer` of each adapter calls; use it to write an adapter for
    /// another client.
    pub fn start_send(&self, description: Description) -> Sending {
        let builder = description.into_span_builder(SpanKind::Producer);
        let operation = Operation::start(self, builder, &current_context());
        Sending::new(self.clone(), operation, None)
    }
}

/// More than what a message takes on the wire beyond a context's own bytes.
const AMPLE: usize = 1024;

/// A message on its way to the broker: its span, which ends with the broker's answer.
///
/// Dropped without an answer, as when the future of a publish is dropped, the span ends with its
/// status unset.
#[must_use = "dropping it ends the span"]
#[derive(Debug)]
pub struct Sending {
    instrumentation: Instrumentation,
    operation: Operation,
    /// The context that the message has already and keeps.
    kept: Option<Context>,
}

impl Sending {
    pub(crate) fn new(
        instrumentation: Instrumentation,
        operation: Operation,
        kept: Option<Context>,
    ) -> Self {
        Self {
            instrumentation,
            operation,
            kept,
        }
    }

    /// Starts the span of a message as [`Instrumentation::start_send`] does, by the given
    /// instrumentation or, if there is none, by the global one of this moment.
    pub fn start(by: Option<&Instrumentation>, description: Description) -> Self {
        match by {
            Some(by) => by.start_send(description),
            None => Instrumentation::global().start_send(description),
        }
    }

    /// Writes the context of this message into its headers, in place of any context they held;
    /// see [`Instrumentation::inject`]. The headers of a message that is
    /// [forwarded](Self::forward) stay as they are.
    pub fn inject<C, H: CarrierMut<C> + ?Sized>(&self, headers: &mut H) {
        if self.kept.is_none() {
            self.instrumentation.inject(self.context(), headers);
        }
    }

    /// Injects as [`inject`](Self::inject) does, as much as a message has room for: for a client
    /// that knows how large a message may be.
    ///
    /// `room` tells how many bytes are left beside headers, or `None` if they are too large
    /// themselves. `framing` is what a header takes beyond its name and its value, in bytes.
    /// Members of baggage are left out first, then entries of tracestate, as
    /// [`Instrumentation::with_injection_budget`] describes. Where there is no room even for a
    /// traceparent, the message goes without context, an older one included, and that is counted in
    /// [`dropped_fields`](crate::dropped_fields).
    pub fn inject_where_room<C, H: CarrierMut<C> + Clone>(
        &self,
        headers: &mut H,
        framing: usize,
        room: impl Fn(&H) -> Option<usize>,
    ) {
        if self.kept.is_some() {
            return;
        }
        let context = self.context();
        let ample = self
            .instrumentation
            .injection_budget()
            .saturating_add(AMPLE);
        if context.is_telemetry_suppressed() || room(headers).is_some_and(|room| room > ample) {
            return self.inject(headers);
        }
        let given = headers.clone();
        // An older context makes room for this one.
        self.instrumentation.remove_context(headers);
        let has_span = context.span().span_context().is_valid();
        let least = if has_span { TRACEPARENT_SIZE } else { 0 };
        if let Some(rest) = room(headers).filter(|rest| *rest >= least) {
            let without = headers.clone();
            let rest = rest.saturating_sub(FIELDS.len() * framing);
            if !self.instrumentation.inject_within(context, headers, rest) {
                *headers = given;
                return;
            }
            if room(headers).is_some() {
                return;
            }
            *headers = without;
        }
        if has_span || !context.baggage().is_empty() {
            dropped::report(1, CarrierError::TooLarge);
        }
    }

    /// The context that the message carries.
    pub fn context(&self) -> &Context {
        self.kept.as_ref().unwrap_or(self.operation.context())
    }

    /// The instrumentation by which the message is sent.
    pub fn instrumentation(&self) -> &Instrumentation {
        &self.instrumentation
    }

    /// Whether the message keeps the context that its headers have.
    pub fn is_forwarded(&self) -> bool {
        self.kept.is_some()
    }

    /// Whether a message with these headers may be this one: they carry its context, or none that
    /// can be read. For clients that can give the answer to one message for that to another.
    pub fn may_have<C, H: Carrier<C> + ?Sized>(&self, headers: Option<&H>) -> bool {
        let Some(headers) = headers else {
            return true;
        };
        let carried = self.instrumentation.extract(headers);
        let (carried, own) = (carried.span(), self.context().span());
        let (carried, own) = (carried.span_context(), own.span_context());
        !carried.is_valid()
            || (carried.trace_id(), carried.span_id()) == (own.trace_id(), own.span_id())
    }

    /// Adds what only the broker's answer tells, such as partition and offset.
    pub fn set_attribute(&self, key: &'static str, value: impl Into<Value>) {
        self.operation.set_attribute(key, value);
    }

    /// Adds a text that somebody else has chosen, as
    /// [`Description::set_remote_attribute`] does.
    pub fn set_remote_attribute(&self, key: &'static str, text: &str) {
        if let Some(text) = remote_attribute(text) {
            self.operation.set_attribute(key, text);
        }
    }

    /// Ends the span as failed. `error_type` is a name of low cardinality for `error.type`;
    /// `description` says what happened; it is shortened as a
    /// [destination](Description::set_destination) is.
    pub fn fail(self, error_type: impl Into<Cow<'static, str>>, description: impl fmt::Display) {
        self.operation.fail(error_type.into(), description);
    }
}
