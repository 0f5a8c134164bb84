//! Received messages that are sent on.

use crate::ack_subject::AckSubject;
use crate::client::end;
use crate::injection::{Injection, Outgoing, left_beside};
use crate::jetstream::PublishAckFuture;
use crate::producer::InjectingProducer;
use crate::subject::is_reserved;
use async_nats::client::PublishError;
use async_nats::client::traits::Publisher;
use async_nats::jetstream::{self, context};
use async_nats::message::OutboundMessage;
use async_nats::{Client, HeaderMap, HeaderName, Message, Subject, ToSubject};
use otel_messaging::{DeadLetter, Sending};
use std::fmt::Display;

/// The header of a dead letter that names the JetStream stream in which the message stands.
pub const DEAD_LETTER_STREAM: &str = "dead-letter-stream";
/// The header of a dead letter that has the message's number in that stream.
pub const DEAD_LETTER_SEQUENCE: &str = "dead-letter-sequence";

/// What the names begin with of headers that servers act on.
const INSTRUCTION: &str = "Nats-";
/// What is put before these names in a dead letter.
const INSTRUCTION_PREFIX: &str = "dead-letter-";

/// In which of the three ways a message is sent on.
#[derive(Clone, Copy)]
enum Way<'a> {
    Forward,
    Republish,
    DeadLetter(&'a dyn Display),
}

impl InjectingProducer<Client> {
    /// Sends a received message on as it is: with its payload, which is shared and not copied, its
    /// headers, its own context among them, and its reply subject, so that a request that is
    /// forwarded is answered. A `jetstream::Message` derefs to what is asked for; the reply subject
    /// by which it is acknowledged stays here. So does one that servers have made for a request from
    /// another account or cluster (`_R_.`, `_GR_.`): they refuse it from anybody else, and the
    /// message with it. Answer such a request where it was received.
    ///
    /// The span `publish {subject}`, of kind CLIENT, is linked to the message's sender. A message
    /// without a context gets that of the call, as in [`publish`](Self::publish).
    ///
    /// JetStream heeds some headers again where the message ends up in a stream: with the same
    /// `Nats-Msg-Id`, a stream that has the message already does not take it twice within its
    /// window for duplicates; `Nats-Expected-*` are conditions on the stream that the sender meant,
    /// and another one refuses the message for them; `Nats-TTL` and `Nats-Rollup` have their effect
    /// there too.
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
    /// current at the call in place of its own. The span, of kind PRODUCER, is linked to the
    /// message's sender.
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
    /// Headers that begin with `Nats-` are for the stream that the sender meant: another one could
    /// refuse the letter for them, take it for a duplicate, or remove other letters
    /// (`Nats-Expected-Stream`, `Nats-Msg-Id`, `Nats-Rollup`). They are kept under names with
    /// `dead-letter-` in front.
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
            _ => message.reply.clone().filter(|reply| !is_reserved(reply)),
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
    /// Sends a received message on to a stream as it is: with its payload, which is shared and not
    /// copied, and its headers, its own context among them. A `jetstream::Message` derefs to what
    /// is asked for. Its reply subject does not go along: the stream answers here.
    ///
    /// The span `publish {subject}`, of kind CLIENT, is linked to the message's sender, and ends as
    /// in [`publish`](Self::publish). A message without a context gets that of the call.
    ///
    /// The stream heeds some headers again: with the same `Nats-Msg-Id`, a stream that has the
    /// message already does not take it twice within its window for duplicates, and its answer says
    /// `duplicate`; `Nats-Expected-*` are conditions on the stream that the sender meant, and
    /// another one refuses the message for them; `Nats-TTL` and `Nats-Rollup` have their effect
    /// again. To send a message on without them, take them out and use
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
    /// current at the call in place of its own. The span, of kind PRODUCER, is linked to the
    /// message's sender.
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
    let mut headers = message.headers.clone().unwrap_or_default();
    let instrumentation = by.instrumentation.as_ref();
    let room = outgoing.room();
    let sending = match way {
        Way::Forward => Sending::forward(instrumentation, description, Some(&headers)),
        Way::Republish => Sending::republish(instrumentation, description, Some(&headers)),
        Way::DeadLetter(error) => {
            headers = without_instructions(headers);
            Sending::dead_letter(
                instrumentation,
                description,
                &mut headers,
                &dead_letter(message, error),
                |headers| left_beside(headers, room),
            )
        }
    };
    by.write(&sending, &mut headers, room);
    (sending, headers)
}

/// What tells a server how to store a message gets another name: a dead letter has to be stored, by
/// a stream that the sender did not mean, and must not remove others.
fn without_instructions(headers: HeaderMap) -> HeaderMap {
    if !headers.iter().any(|(name, _)| is_instruction(name)) {
        return headers;
    }
    let mut renamed = HeaderMap::new();
    for (name, values) in headers.iter() {
        let told = is_instruction(name).then(|| format!("{INSTRUCTION_PREFIX}{name}"));
        let told = told.and_then(|told| told.parse::<HeaderName>().ok());
        for value in values {
            renamed.append(told.as_ref().unwrap_or(name).clone(), value.clone());
        }
    }
    renamed
}

fn is_instruction(name: &HeaderName) -> bool {
    let name: &str = name.as_ref();
    let prefix = name.get(..INSTRUCTION.len());
    prefix.is_some_and(|prefix| prefix.eq_ignore_ascii_case(INSTRUCTION))
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
