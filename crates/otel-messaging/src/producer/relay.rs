//! Messages that are sent on: forwarded as they came, republished, or put aside as dead letters.

use crate::carrier::headers::CarrierMut;
use crate::instrumentation::settings::Instrumentation;
use crate::loss::count::report;
use crate::loss::reason::CarrierError;
use crate::message::attributes::Attributes;
use crate::message::destination::Destination;
use crate::message::info::MessageInfo;
use crate::message::producer_info::ProducerInfo;
use crate::message::received::Describe;
use crate::producer::batch::Batch;
use crate::producer::dead_letter::{self, DeadLetter};
use crate::producer::injection::Injection;
use crate::producer::outgoing::{Onward, Outgoing};
use crate::propagation::carried::Carried;
use crate::telemetry::action::Operation;
use crate::telemetry::semconv;
use std::marker::PhantomData;
use std::sync::Arc;

/// How a received message is sent on.
#[derive(Debug, Clone, Copy)]
pub enum Relay<'a> {
    /// With the context that it came with. For routers and bridges that are not a step of the trace.
    Forward,
    /// With the current context, in place of the old one.
    Republish,
    /// As a republished message, with the failure in its headers and on the span.
    DeadLetter(&'a DeadLetter<'a>),
}

/// What a header or a property means. It decides what happens to it when the message is sent on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// It belongs to the message, and no broker or client acts on it. It is kept.
    Content,
    /// It says what kind of message this is. Readers would treat a dead letter as such a message too, so
    /// a dead letter has it under another name.
    Kind,
    /// It is the sender's statement about the message. `forward` keeps it; the other two rename it.
    Sender,
    /// It concerned one delivery or one publish, and would act on the next. It is always renamed.
    Delivery,
}

impl Relay<'_> {
    /// Whether a header with this meaning is renamed.
    #[must_use]
    pub fn renames(&self, meaning: Meaning) -> bool {
        match meaning {
            Meaning::Content => false,
            Meaning::Kind => matches!(self, Self::DeadLetter(_)),
            Meaning::Sender => !matches!(self, Self::Forward),
            Meaning::Delivery => true,
        }
    }

    /// The prefix of renamed headers.
    #[must_use]
    pub fn prefix(&self) -> &'static str {
        match self {
            Self::Forward | Self::Republish => "received-",
            Self::DeadLetter(_) => "dead-letter-",
        }
    }
}

impl Instrumentation {
    /// Starts the span of a message that is sent on, which came from `source`. `headers` are the headers to
    /// send; they still have the old context. Call [`Outgoing::inject`] next.
    ///
    /// - [`Relay::Forward`]: the span is of kind CLIENT, a child of the current context, and linked to
    ///   the span that the message came from. The message keeps its context (conventions, "Message
    ///   creation context": an existing context should not be modified). A message without a readable
    ///   context is sent as by [`outgoing`](Self::outgoing), and gets a new one. If a message has
    ///   contexts that contradict each other, none of them can be kept: it also gets a new one, and its
    ///   span is linked to each sender.
    /// - [`Relay::Republish`]: the span is of kind PRODUCER, and linked in the same way.
    /// - [`Relay::DeadLetter`]: as republished, with the failure on the span and in the headers
    ///   [`DEAD_LETTER_ERROR`], [`DEAD_LETTER_SOURCE`] and [`DEAD_LETTER_TRACEPARENT`]. If a message is
    ///   put aside again, the source and the traceparent stay as they were the first time. `room` is as
    ///   in [`Outgoing::inject`]: if these headers would make the message too large, they are left out,
    ///   and [`dropped_fields`](crate::loss::dropped_fields) counts that.
    ///
    /// If the sender is not believed ([`IncomingPolicy`](crate::trust::IncomingPolicy)), the old context is removed
    /// from `headers`, a [`DEAD_LETTER_TRACEPARENT`] that came with the message included, and a message that is
    /// forwarded gets a new one. What was decided when the message was handled counts here too, if it is sent on
    /// inside its handler. The rules of this instrumentation count if they are stricter, and outside of the handler.
    ///
    /// [`DEAD_LETTER_ERROR`]: crate::producer::DEAD_LETTER_ERROR
    /// [`DEAD_LETTER_SOURCE`]: crate::producer::DEAD_LETTER_SOURCE
    /// [`DEAD_LETTER_TRACEPARENT`]: crate::producer::DEAD_LETTER_TRACEPARENT
    pub fn relay<C, M, H>(
        &self,
        relay: Relay<'_>,
        source: Destination<'_>,
        operation: &'static str,
        message: &M,
        headers: &mut H,
        room: Option<usize>,
    ) -> Outgoing
    where
        M: Describe<C> + ?Sized,
        H: CarrierMut<C> + Clone,
    {
        self.relay_in(None, (relay, source), operation, message, headers, room)
    }

    /// The same, in a batch if there is one.
    pub(crate) fn relay_in<C, M, H>(
        &self,
        batch: Option<&Arc<Batch>>,
        (relay, source): (Relay<'_>, Destination<'_>),
        operation: &'static str,
        message: &M,
        headers: &mut H,
        room: Option<usize>,
    ) -> Outgoing
    where
        M: Describe<C> + ?Sized,
        H: CarrierMut<C> + Clone,
    {
        let by = self.settings();
        let (carried, injection) = if by.is_disabled {
            (Carried::nothing(), None)
        } else {
            let carried = by.read_to_relay::<M::Client, C, H>(source, &*headers);
            let injection = Injection::of_relayed(by, message, &*headers, carried.left);
            (carried, injection)
        };
        // Before anything else that may fail.
        if let Some(injection) = &injection {
            injection.clean(by, headers);
        }
        let mut onward = Onward::new(injection);
        match relay {
            // A context that was not read is not replaced either.
            Relay::Forward if carried.keeps() => {
                let links = || carried.links();
                onward.kept = Some(carried.context.clone());
                self.started(batch, Operation::Forward, operation, message, links, onward)
            }
            Relay::Forward | Relay::Republish => {
                let links = || carried.links();
                self.started(batch, Operation::Send, operation, message, links, onward)
            }
            Relay::DeadLetter(letter) => {
                let letter = Letter {
                    message,
                    error: letter.error(),
                    source: letter.source(),
                    letter,
                    client: PhantomData,
                };
                letter.write(headers, &carried, room);
                let links = || carried.links();
                self.started(batch, Operation::Send, operation, &letter, links, onward)
            }
        }
    }
}

/// A message that goes out as a dead letter.
struct Letter<'a, C, M: ?Sized> {
    message: &'a M,
    letter: &'a DeadLetter<'a>,
    error: String,
    source: String,
    client: PhantomData<C>,
}

impl<C, M: ?Sized> Letter<'_, C, M> {
    fn write<H: CarrierMut<C> + Clone>(
        &self,
        headers: &mut H,
        carried: &Carried,
        room: Option<usize>,
    ) {
        let has_room = |headers: &H| room.is_none_or(|room| headers.left_of(room).is_some());
        let before = (room.is_some() && has_room(headers)).then(|| headers.clone());
        let said = (&*self.error, &*self.source);
        dead_letter::write(headers, self.letter, &carried.sender(), said);
        if let Some(before) = before
            && !has_room(headers)
        {
            *headers = before;
            report(1, CarrierError::TooLarge);
        }
    }
}

impl<C, M: Describe<C> + ?Sized> Describe<C> for Letter<'_, C, M> {
    type Client = M::Client;

    fn destination(&self) -> Destination<'_> {
        self.message.destination()
    }

    fn message_info(&self) -> MessageInfo<'_> {
        self.message.message_info()
    }

    fn producer_info(&self) -> Option<&ProducerInfo> {
        self.message.producer_info()
    }

    fn body_size(&self) -> Option<usize> {
        self.message.body_size()
    }

    fn envelope_size(&self) -> Option<usize> {
        self.message.envelope_size()
    }

    fn set_attributes(&self, info: &MessageInfo<'_>, attributes: &mut Attributes) {
        self.message.set_attributes(info, attributes);
        let error = self.error.clone();
        attributes.set(semconv::OTEL_MESSAGING_DEAD_LETTER_ERROR, error);
        let source = self.source.clone();
        attributes.set(semconv::OTEL_MESSAGING_DEAD_LETTER_SOURCE, source);
    }

    fn attribute_room(&self) -> usize {
        2 + self.message.attribute_room()
    }
}
