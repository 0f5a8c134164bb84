//! A message on its way to the broker.

use crate::carrier::headers::{Carrier, CarrierMut};
use crate::context::current::current_context;
use crate::instrumentation::settings::Instrumentation;
use crate::loss::witness::{self, Kept, Seen};
use crate::message::attributes::Attributes;
use crate::message::info::MessageInfo;
use crate::message::received::Describe;
use crate::operation::related::Related;
use crate::operation::span::MessageSpan;
use crate::operation::start::{Of, wanted_at};
use crate::producer::batch::{Batch, Part};
use crate::producer::injection::{Injection, write};
use crate::producer::join::add_joined;
use crate::producer::outcome::Outcome;
use crate::producer::room::leave_out;
use crate::telemetry::action::{Action, Operation};
use crate::telemetry::span_builder::set_partition;
use opentelemetry::Context;
use opentelemetry::trace::{Link, TraceContextExt};
use std::fmt;
use std::ptr;
use std::sync::Arc;

/// A message on its way to the broker, with its span.
///
/// If you drop it without [`finish`](Self::finish), the span ends with its status unset, as when the
/// future of a publish is dropped. Metrics count it if it was [handed over](Self::hand_over).
#[must_use = "dropping it ends the span"]
pub struct Outgoing {
    /// `None` for the global one, so that not all threads count its references.
    given: Option<Instrumentation>,
    span: MessageSpan,
    /// The context that the message has already and keeps.
    // In a box, because few messages are forwarded.
    kept: Option<Box<Context>>,
    /// What the policies say about it. `None` if it carries its whole context.
    injection: Option<Box<Injection>>,
    /// The client was asked to send it, so it counts.
    is_sent: bool,
    /// Its place in the batch with which it is sent.
    part: Option<Box<Part>>,
    /// The partition that was chosen, until the span is told of it with the answer.
    partition: Option<u32>,
    /// What became of its context when it was written.
    written: Kept,
}

/// What goes on with a message.
#[derive(Default)]
pub(crate) struct Onward {
    /// The context that it has already and keeps.
    pub(crate) kept: Option<Context>,
    /// What the policies say about it. `None` if it carries its whole context.
    pub(crate) injection: Option<Box<Injection>>,
}

impl Onward {
    #[inline]
    pub(crate) fn new(injection: Option<Box<Injection>>) -> Self {
        Self {
            kept: None,
            injection,
        }
    }
}

impl Instrumentation {
    /// Starts the span of a message that is being sent. It is of kind PRODUCER, and a child of the
    /// context that is [current](current_context) at the call. `operation` is the client's own word, such
    /// as `publish`.
    ///
    /// The `InjectingProducer` of each adapter calls this; use it to write an adapter for another client.
    pub fn outgoing<C, M>(&self, operation: &'static str, message: &M) -> Outgoing
    where
        M: Describe<C> + ?Sized,
    {
        let onward = Onward::new(Injection::of(self.settings(), message));
        self.started(None, Operation::Send, operation, message, Vec::new, onward)
    }

    /// Starts the span of a message with links to the contexts that it came with.
    #[inline]
    pub(crate) fn started<C, M>(
        &self,
        batch: Option<&Arc<Batch>>,
        operation: Operation,
        name: &'static str,
        message: &M,
        links: impl Fn() -> Vec<Link>,
        onward: Onward,
    ) -> Outgoing
    where
        M: Describe<C> + ?Sized,
    {
        let Onward { kept, injection } = onward;
        let by = self.settings();
        let action = Action { operation, name };
        let current = current_context();
        let links = || {
            let mut links = links();
            add_joined(&mut links);
            links
        };
        let mut part = None;
        let span = if by.is_disabled {
            MessageSpan::without(current.into())
        } else if let Some(batch) = batch {
            let described = (name, message);
            let span;
            (span, part) = batch.start_message(by, described, current, links, kept.as_ref());
            span
        } else {
            let of = Of {
                action,
                message,
                consumer: None,
                context: &current,
            };
            let related = |_: &MessageInfo<'_>| Related::child_of(&current, links());
            match wanted_at(by, &current) {
                Some(now) => MessageSpan::start(by, &of, now, related, |_| {}),
                None => MessageSpan::without(current.into()),
            }
        };
        let is_global = ptr::eq(self, Instrumentation::global());
        Outgoing {
            given: (!is_global).then(|| self.clone()),
            span,
            kept: kept.map(Box::new),
            injection,
            is_sent: false,
            part: part.map(Box::new),
            partition: None,
            written: Kept::default(),
        }
    }
}

impl Outgoing {
    /// Writes the context of this message into its headers, in place of any context there; see
    /// [`Instrumentation::inject`]. The headers of a message that [keeps](Self::keeps_context) its
    /// context stay as they are.
    ///
    /// `room` is how many bytes the message's headers may take in all, as [`CarrierMut::left_of`] counts
    /// them; `None` if there is no limit. If not all of the context fits into `room`, members of baggage
    /// are left out first, then entries of tracestate (see
    /// [`with_injection_budget`](crate::instrumentation::Builder::with_injection_budget)). If not even a
    /// traceparent fits, the message goes without a context, and an older context is removed.
    /// [`dropped_fields`](crate::loss::dropped_fields) counts this.
    #[inline]
    pub fn inject<C, H: CarrierMut<C> + Clone>(&self, headers: &mut H, room: Option<usize>) {
        let by = self.instrumentation().settings();
        if by.is_disabled {
            return;
        }
        if !by.captured_headers.is_empty() {
            let captured = &by.captured_headers;
            let set = |attributes: &mut Attributes| captured.set(&*headers, attributes);
            self.span.set_attributes(set);
        }
        if self.keeps_context() {
            return;
        }
        let context = self.context();
        let ((), written) = witness::watch(|| match &self.injection {
            None => write(by, context, headers, room),
            Some(injection) => injection.inject(by, context, headers, room),
        });
        if written.is_any() {
            self.written.set(written);
        }
    }

    /// Removes the context from the headers again, because the destination refuses the message for its
    /// size: see [`RefusedSizes`](crate::adapter::RefusedSizes). An older context in the headers is removed
    /// too. [`dropped_fields`](crate::loss::dropped_fields) and the metrics count it, once for a message. The
    /// headers of a message that [keeps](Self::keeps_context) its context stay as they are.
    pub fn leave_out<C, H: CarrierMut<C>>(&self, headers: &mut H) {
        let by = self.instrumentation().settings();
        if by.is_disabled || self.keeps_context() {
            return;
        }
        if let Some(injection) = &self.injection
            && injection.leave_out(by, headers)
        {
            return;
        }
        if self.written.get().has(Seen::DROPPED) {
            by.propagation.remove(headers);
            return;
        }
        let ((), seen) = witness::watch(|| leave_out(&by.propagation, self.context(), headers));
        if seen.is_any() {
            self.written.set(seen);
        }
    }

    /// Says that the client is asked to send the message now. Metrics count messages from here on. If
    /// you drop it before, for example with a future that was never polled, they do not count it.
    /// [`finish`](Self::finish) says it too.
    ///
    /// In a batch, the span of the message ends here.
    pub fn hand_over(&mut self) {
        self.is_sent = true;
        if self.part.is_some() {
            self.span.end_unmeasured();
        }
    }

    /// Adds the partition that the broker or the client has chosen to the span and to the metrics. Leave
    /// it out if [`MessageInfo`] has it.
    pub fn set_partition(&mut self, partition: u32) {
        self.span.set_partition(partition);
        match &mut self.part {
            Some(part) => part.set_partition(partition),
            None => self.partition = Some(partition),
        }
    }

    /// The context that the message carries.
    #[must_use]
    pub fn context(&self) -> &Context {
        self.kept.as_deref().unwrap_or(self.span.context())
    }

    /// The instrumentation that sends the message.
    #[must_use]
    pub fn instrumentation(&self) -> &Instrumentation {
        let given = self.given.as_ref();
        given.unwrap_or_else(|| Instrumentation::global())
    }

    /// Whether the message is forwarded with the context that it came with, as it is in the headers. It is not if
    /// a policy leaves something out of it.
    #[must_use]
    #[inline]
    pub fn keeps_context(&self) -> bool {
        let injection = self.injection.as_ref();
        self.kept.is_some() && injection.is_none_or(|injection| injection.keeps_headers())
    }

    /// Whether these headers may belong to this message: they carry its context, or no readable context.
    /// Use it if a client can mix up the answers to two messages.
    pub fn may_have<C, H: Carrier<C> + ?Sized>(&self, headers: Option<&H>) -> bool {
        let Some(headers) = headers else {
            return true;
        };
        let carried = self.instrumentation().extract(headers);
        let (carried, own) = (carried.span(), self.context().span());
        let (carried, own) = (carried.span_context(), own.span_context());
        !carried.is_valid()
            || (carried.trace_id(), carried.span_id()) == (own.trace_id(), own.span_id())
    }

    /// Ends the span with the outcome. In a batch, the outcome is the batch's.
    pub fn finish(mut self, outcome: Outcome<'_>) {
        self.hand_over();
        if let Some(part) = &mut self.part {
            part.finish(&outcome);
            if let Outcome::Failed {
                error_type,
                message,
            } = outcome
            {
                // For the metrics and the log event: the span has ended.
                self.span.fail(error_type, message);
            }
            return;
        }
        match outcome {
            Outcome::Unknown | Outcome::Taken => {}
            Outcome::Accepted(answer) => {
                let (partition, mut is_told) = (self.partition, false);
                self.span.set_attributes(|attributes| {
                    if let Some(partition) = partition {
                        set_partition(attributes, partition);
                    }
                    answer(attributes);
                    is_told = true;
                });
                if is_told {
                    self.partition = None;
                }
            }
            Outcome::Failed {
                error_type,
                message,
            } => self.span.fail(error_type, message),
        }
    }
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        let written = self.written.get();
        if let Some(partition) = self.partition {
            self.span
                .set_attributes(|attributes| set_partition(attributes, partition));
        }
        if !self.is_sent {
            self.span.discard_measurement();
            return;
        }
        if let Some(part) = self.part.take() {
            part.end();
        }
        if written.is_any()
            && let Some(measurement) = self.span.measurement()
        {
            measurement.count_written(written);
        }
    }
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outgoing")
            .field("span", &self.span)
            .field("kept", &self.kept)
            .finish_non_exhaustive()
    }
}
