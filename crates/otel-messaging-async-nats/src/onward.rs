//! Received messages that are sent on.

use crate::ack_subject::AckSubject;
use crate::client::end;
use crate::injection::{Injection, Outgoing, left_beside};
use crate::jetstream::PublishAckFuture;
use crate::producer::InjectingProducer;
use crate::relay::{self, Way};
use async_nats::client::PublishError;
use async_nats::client::traits::Publisher;
use async_nats::jetstream::{self, context};
use async_nats::message::OutboundMessage;
use async_nats::{Client, HeaderMap, Message, Subject, ToSubject};
use otel_messaging::{DeadLetter, Sending};
use std::fmt::Display;

/// The header of a dead letter that names the JetStream stream in which the message stands.
pub const DEAD_LETTER_STREAM: &str = "dead-letter-stream";
/// The header of a dead letter that has the message's number in that stream.
pub const DEAD_LETTER_SEQUENCE: &str = "dead-letter-sequence";

impl InjectingProducer<Client> {
    /// Sends a received message on: with its payload, which is shared and not copied, its headers,
    /// its own context among them, and its reply subject, so that a request that is forwarded is
    /// answered. A `jetstream::Message` derefs to what is asked for.
    ///
    /// The reply subject by which a message is acknowledged stays here. So does one that makes the
    /// message a part of a batch (`.$FI` at its end), and one that servers have made for a request
    /// from another account or cluster (`_R_.`, `_GR_.`): they refuse it from anybody else, and the
    /// message with it. Answer such a request where it was received.
    ///
    /// The span `publish {subject}`, of kind CLIENT, is linked to the message's sender. A message
    /// without a context gets that of the call, as in [`publish`](Self::publish).
    ///
    /// Headers that a server wrote into the message, or by which its sender told a stream how to
    /// take it (`Nats-Stream-Source`, `Nats-TTL`, `Nats-Expected-Stream`), go along under a name
    /// with `received-` in front, as `received-nats-ttl`, so that they do not act on this message.
    /// `Nats-Msg-Id` stays: a stream that has the message already, and that may be the one that it
    /// came from, does not take it again within its window for duplicates. On core NATS nobody learns
    /// of that; [`republish`](Self::republish) sends a message that is always stored. The README has
    /// a table of all these headers.
    ///
    /// A context that came in title case alone, as from a Go service, gets lower case beside it; see
    /// [`Spelling`](crate::Spelling).
    ///
    /// # Errors
    ///
    /// Those of the client, unchanged; the span is then marked as failed.
    pub fn forward<'a, S: ToSubject>(
        &'a self,
        message: &Message,
        subject: S,
    ) -> impl Future<Output = Result<(), PublishError>> + use<'a, S> {
        self.send_on(message, subject.to_subject(), Way::Forward)
    }

    /// Sends a received message on as [`forward`](Self::forward) does, with the context that is
    /// current at the call in place of its own. It is a new message to a stream too: its
    /// `Nats-Msg-Id` goes along as `received-nats-msg-id`. The span, of kind PRODUCER, is linked to
    /// the message's sender.
    ///
    /// # Errors
    ///
    /// Those of the client, unchanged; the span is then marked as failed.
    pub fn republish<'a, S: ToSubject>(
        &'a self,
        message: &Message,
        subject: S,
    ) -> impl Future<Output = Result<(), PublishError>> + use<'a, S> {
        self.send_on(message, subject.to_subject(), Way::Republish)
    }

    /// Puts a message that could not be handled aside, as [`republish`](Self::republish) sends it,
    /// without its reply subject and with what went wrong in its headers:
    /// [`DEAD_LETTER_ERROR`](crate::DEAD_LETTER_ERROR),
    /// [`DEAD_LETTER_SOURCE`](crate::DEAD_LETTER_SOURCE) (its subject),
    /// [`DEAD_LETTER_TRACEPARENT`](crate::DEAD_LETTER_TRACEPARENT) and, of a JetStream message,
    /// [`DEAD_LETTER_STREAM`] and [`DEAD_LETTER_SEQUENCE`].
    ///
    /// Headers that a server acts on get `dead-letter-` in front, as `dead-letter-nats-ttl`, and
    /// `Nats-Msg-Id` and `KV-Operation` do too: no stream refuses the letter for them, takes it for a
    /// duplicate or removes other letters. The README has a table of them.
    ///
    /// A consumer with `headers_only` has no payload to put aside. The letter is then empty, and
    /// `dead-letter-nats-msg-size` says how many bytes are missing. The message stands whole in the
    /// stream that [`DEAD_LETTER_STREAM`] and [`DEAD_LETTER_SEQUENCE`] name.
    ///
    /// # Errors
    ///
    /// Those of the client, unchanged; the span is then marked as failed.
    pub fn dead_letter<'a, S: ToSubject>(
        &'a self,
        message: &Message,
        error: &dyn Display,
        subject: S,
    ) -> impl Future<Output = Result<(), PublishError>> + use<'a, S> {
        self.send_on(message, subject.to_subject(), Way::DeadLetter(error))
    }

    fn send_on<'a>(
        &'a self,
        message: &Message,
        subject: Subject,
        way: Way<'_>,
    ) -> impl Future<Output = Result<(), PublishError>> + use<'a> {
        let outgoing = self.outgoing(&subject, &message.payload);
        let (sending, headers) = start(&self.injection, message, outgoing, way);
        let reply = match way {
            Way::DeadLetter(_) => None,
            _ => message
                .reply
                .clone()
                .filter(|reply| relay::goes_along(reply)),
        };
        let message = OutboundMessage {
            subject,
            reply,
            payload: message.payload.clone(),
            headers: (!headers.is_empty()).then_some(headers),
        };
        async move { end(sending, self.inner.publish_message(message).await) }
    }
}

impl InjectingProducer<jetstream::Context> {
    /// Sends a received message on to a stream: with its payload, which is shared and not copied, and
    /// its headers, its own context among them. A `jetstream::Message` derefs to what
    /// is asked for. Its reply subject does not go along: the stream answers here.
    ///
    /// The span `publish {subject}`, of kind CLIENT, is linked to the message's sender, and ends as
    /// in [`publish`](Self::publish). A message without a context gets that of the call.
    ///
    /// Headers that a server wrote into the message, or by which its sender told a stream how to
    /// take it (`Nats-Stream-Source`, `Nats-TTL`, `Nats-Expected-Stream`), go along under a name
    /// with `received-` in front, as `received-nats-ttl`, so that they do not act on this message.
    /// `Nats-Msg-Id` stays: a stream that has the message already, and that may be the one that it
    /// came from, does not take it again within its window for duplicates, and its answer says
    /// `duplicate`.
    /// [`republish`](Self::republish) sends a message that is always stored. The README has a table
    /// of all these headers. To send a message on with one of them, use
    /// [`publish_with_headers`](Self::publish_with_headers).
    ///
    /// # Errors
    ///
    /// Those of the context, unchanged; the span is then marked as failed.
    pub fn forward<'a, S: ToSubject>(
        &'a self,
        message: &Message,
        subject: S,
    ) -> impl Future<Output = Result<PublishAckFuture, context::PublishError>> + use<'a, S> {
        self.send_on(message, subject.to_subject(), Way::Forward)
    }

    /// Sends a received message on as [`forward`](Self::forward) does, with the context that is
    /// current at the call in place of its own. It is a new message to a stream too: its
    /// `Nats-Msg-Id` goes along as `received-nats-msg-id`. The span, of kind PRODUCER, is linked to
    /// the message's sender.
    ///
    /// # Errors
    ///
    /// Those of the context, unchanged; the span is then marked as failed.
    pub fn republish<'a, S: ToSubject>(
        &'a self,
        message: &Message,
        subject: S,
    ) -> impl Future<Output = Result<PublishAckFuture, context::PublishError>> + use<'a, S> {
        self.send_on(message, subject.to_subject(), Way::Republish)
    }

    /// Puts a message that could not be handled aside in a stream, as
    /// [`republish`](Self::republish) sends it, with what went wrong in its headers; see
    /// [`InjectingProducer<Client>::dead_letter`](InjectingProducer::dead_letter).
    ///
    /// # Errors
    ///
    /// Those of the context, unchanged; the span is then marked as failed.
    pub fn dead_letter<'a, S: ToSubject>(
        &'a self,
        message: &Message,
        error: &dyn Display,
        subject: S,
    ) -> impl Future<Output = Result<PublishAckFuture, context::PublishError>> + use<'a, S> {
        self.send_on(message, subject.to_subject(), Way::DeadLetter(error))
    }

    fn send_on<'a>(
        &'a self,
        message: &Message,
        subject: Subject,
        way: Way<'_>,
    ) -> impl Future<Output = Result<PublishAckFuture, context::PublishError>> + use<'a> {
        let outgoing = self.outgoing(&subject, &message.payload);
        let (sending, headers) = start(&self.injection, message, outgoing, way);
        self.deliver(sending, subject, headers, message.payload.clone())
    }
}

fn start(
    by: &Injection,
    message: &Message,
    outgoing: Outgoing<'_>,
    way: Way<'_>,
) -> (Sending, HeaderMap) {
    let description = outgoing.description("publish", message.headers.as_ref());
    let instrumentation = by.instrumentation.as_ref();
    let room = outgoing.room(message.headers.as_ref());
    let mut headers = way.headers(message.headers.as_ref(), room);
    let sending = match way {
        Way::Forward => Sending::forward(instrumentation, description, Some(&headers)),
        Way::Republish => Sending::republish(instrumentation, description, Some(&headers)),
        Way::DeadLetter(error) => Sending::dead_letter(
            instrumentation,
            description,
            &mut headers,
            &dead_letter(message, error),
            |headers| left_beside(headers, room),
        ),
    };
    by.write(&sending, &mut headers, room);
    (sending, headers)
}

fn dead_letter<'a>(message: &'a Message, error: &'a dyn Display) -> DeadLetter<'a> {
    let letter = DeadLetter::new(&message.subject, error);
    match message.reply.as_deref().and_then(AckSubject::parse) {
        Some(stored) => letter
            .with_detail(DEAD_LETTER_STREAM, stored.stream)
            .with_detail(DEAD_LETTER_SEQUENCE, stored.sequence.to_string()),
        None => letter,
    }
}
