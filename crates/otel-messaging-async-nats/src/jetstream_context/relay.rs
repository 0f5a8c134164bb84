//! Received messages that are sent on to a stream.

use crate::dead_letter::dead_letter;
use crate::injecting_producer::InjectingProducer;
use crate::limits::Bare;
use crate::publish_ack_future::PublishAckFuture;
use async_nats::jetstream::Context;
use async_nats::jetstream::context::PublishError;
use async_nats::{Message, Subject, ToSubject};
use otel_messaging::adapter::Relay;
use std::fmt::Display;

impl InjectingProducer<Context> {
    /// Sends a received message on to a stream, with its own context.
    ///
    /// It goes with its payload, which is shared and not copied, and its headers. Its reply subject is
    /// removed, because the stream answers there. A `jetstream::Message` derefs to the type that this
    /// method takes.
    ///
    /// The span `publish {subject}`, of kind CLIENT, is linked to the message's sender, and ends as in
    /// [`publish`](Self::publish). A message without a context gets the context that is current at the call.
    ///
    /// Some headers were written by a server, and others told a stream how to take one publish
    /// (`Nats-Stream-Source`, `Nats-TTL`, `Nats-Expected-Stream`). They go along under a name with
    /// `received-` in front, such as `received-nats-ttl`, so that they do not act on this message.
    /// `Nats-Msg-Id` stays: a stream that has the message already does not take it again within its
    /// window for duplicates, and that may be the stream that it came from. The answer then says
    /// `duplicate`. [`republish`](Self::republish) sends a message that the stream always stores. The
    /// README has a table of all these headers. To send a message on with one of them, use
    /// [`publish_with_headers`](Self::publish_with_headers).
    ///
    /// # Errors
    ///
    /// The context's own error, unchanged. It marks the span as failed.
    pub fn forward<'a, S: ToSubject>(
        &'a self,
        message: &Message,
        subject: S,
    ) -> impl Future<Output = Result<PublishAckFuture, PublishError>> + use<'a, S> {
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
    /// The context's own error, unchanged. It marks the span as failed.
    pub fn republish<'a, S: ToSubject>(
        &'a self,
        message: &Message,
        subject: S,
    ) -> impl Future<Output = Result<PublishAckFuture, PublishError>> + use<'a, S> {
        self.send_on(message, subject.to_subject(), Relay::Republish)
    }

    /// Puts aside, in a stream, a message that could not be handled. It does what
    /// [`republish`](Self::republish) does, and writes the failure into the headers; see
    /// [`InjectingProducer<Client>::dead_letter`](InjectingProducer::dead_letter).
    ///
    /// If the stream refuses the letter for its size, the awaited future publishes it without the failure,
    /// without the context and without the renamed headers. Its span still has the failure.
    ///
    /// # Errors
    ///
    /// The context's own error, unchanged. It marks the span as failed.
    pub fn dead_letter<'a, S: ToSubject>(
        &'a self,
        message: &Message,
        error: &dyn Display,
        subject: S,
    ) -> impl Future<Output = Result<PublishAckFuture, PublishError>> + use<'a, S> {
        let letter = dead_letter(message, error);
        self.send_on(message, subject.to_subject(), Relay::DeadLetter(&letter))
    }

    fn send_on<'a>(
        &'a self,
        message: &Message,
        subject: Subject,
        relay: Relay<'_>,
    ) -> impl Future<Output = Result<PublishAckFuture, PublishError>> + use<'a> {
        let bare = Bare::relayed(relay, message.headers.as_ref());
        let (outgoing, headers) = self.relay(relay, message, &subject);
        self.deliver(outgoing, subject, (headers, message.payload.clone()), bare)
    }
}
