//! Received messages that are sent on by core NATS.

use crate::dead_letter::dead_letter;
use crate::injecting_producer::InjectingProducer;
use crate::relay::goes_along;
use async_nats::client::PublishError;
use async_nats::message::OutboundMessage;
use async_nats::{Client, Message, Subject, ToSubject};
use otel_messaging::adapter::Relay;
use std::fmt::Display;

impl InjectingProducer<Client> {
    /// Sends a received message on, with its own context.
    ///
    /// It goes with its payload, which is shared and not copied, its headers, and its reply subject, so
    /// that the next receiver can answer a forwarded request. A `jetstream::Message` derefs to the type
    /// that this method takes.
    ///
    /// Some reply subjects are removed: the one that acknowledges a message, one that makes the message a
    /// part of a batch (`.$FI` at its end), and one that servers have made for a request from another
    /// account or cluster (`_R_.`, `_GR_.`). Servers refuse a message that a client publishes with them.
    /// Answer such a request where you received it.
    ///
    /// The span `publish {subject}`, of kind CLIENT, is linked to the message's sender. A message without a
    /// context gets the context that is current at the call, as in [`publish`](Self::publish).
    ///
    /// Some headers were written by a server, and others told a stream how to take one publish
    /// (`Nats-Stream-Source`, `Nats-TTL`, `Nats-Expected-Stream`). They go along under a name with
    /// `received-` in front, such as `received-nats-ttl`, so that they do not act on this message.
    /// `Nats-Msg-Id` stays: a stream that has the message already does not take it again within its
    /// window for duplicates, and that may be the stream that it came from. Core NATS does not report
    /// that; [`republish`](Self::republish) sends a message that a stream always stores. The README has a
    /// table of all these headers.
    ///
    /// If a context came only in title case, as from a Go service, this method adds lower case; see
    /// [`Spelling`](crate::Spelling).
    ///
    /// # Errors
    ///
    /// The client's own error, unchanged. It marks the span as failed.
    pub fn forward<'a, S: ToSubject>(
        &'a self,
        message: &Message,
        subject: S,
    ) -> impl Future<Output = Result<(), PublishError>> + use<'a, S> {
        self.send_on(message, subject.to_subject(), Relay::Forward)
    }

    /// Sends a received message on as [`forward`](Self::forward) does, but with the context that is
    /// current at the call in place of its own.
    ///
    /// It is a new message to a stream too: its `Nats-Msg-Id` goes along as `received-nats-msg-id`. The span,
    /// of kind PRODUCER, is linked to the message's sender.
    ///
    /// # Errors
    ///
    /// The client's own error, unchanged. It marks the span as failed.
    pub fn republish<'a, S: ToSubject>(
        &'a self,
        message: &Message,
        subject: S,
    ) -> impl Future<Output = Result<(), PublishError>> + use<'a, S> {
        self.send_on(message, subject.to_subject(), Relay::Republish)
    }

    /// Puts aside a message that could not be handled. It does what [`republish`](Self::republish) does,
    /// removes the reply subject, and writes the failure into the headers.
    ///
    /// The headers are [`DEAD_LETTER_ERROR`](crate::producer::DEAD_LETTER_ERROR),
    /// [`DEAD_LETTER_SOURCE`](crate::producer::DEAD_LETTER_SOURCE) (its subject),
    /// [`DEAD_LETTER_TRACEPARENT`](crate::producer::DEAD_LETTER_TRACEPARENT) and, for a JetStream message,
    /// [`DEAD_LETTER_STREAM`](crate::DEAD_LETTER_STREAM) and
    /// [`DEAD_LETTER_SEQUENCE`](crate::DEAD_LETTER_SEQUENCE).
    ///
    /// Headers that a server acts on get `dead-letter-` in front, such as `dead-letter-nats-ttl`, and so
    /// do `Nats-Msg-Id` and `KV-Operation`. So no stream refuses the letter because of them, takes it for
    /// a duplicate or removes other letters. The README has a table of them.
    ///
    /// A consumer with `headers_only` has no payload to put aside. The letter is then empty, and
    /// `dead-letter-nats-msg-size` says how many bytes are missing. The whole message is in the stream
    /// that `DEAD_LETTER_STREAM` names, under the number in `DEAD_LETTER_SEQUENCE`.
    ///
    /// # Errors
    ///
    /// The client's own error, unchanged. It marks the span as failed.
    pub fn dead_letter<'a, S: ToSubject>(
        &'a self,
        message: &Message,
        error: &dyn Display,
        subject: S,
    ) -> impl Future<Output = Result<(), PublishError>> + use<'a, S> {
        let letter = dead_letter(message, error);
        self.send_on(message, subject.to_subject(), Relay::DeadLetter(&letter))
    }

    fn send_on<'a>(
        &'a self,
        message: &Message,
        subject: Subject,
        relay: Relay<'_>,
    ) -> impl Future<Output = Result<(), PublishError>> + use<'a> {
        let (outgoing, headers) = self.relay(relay, message, &subject);
        let reply = match relay {
            Relay::DeadLetter(_) => None,
            _ => message.reply.clone().filter(|reply| goes_along(reply)),
        };
        let message = OutboundMessage {
            subject,
            reply,
            payload: message.payload.clone(),
            headers: (!headers.is_empty()).then_some(headers),
        };
        self.publish_outbound(outgoing, message)
    }
}
