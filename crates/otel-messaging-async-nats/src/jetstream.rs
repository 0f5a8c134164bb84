//! The JetStream context that injects, and the stream's answer.

use crate::injection::Outgoing;
use crate::producer::InjectingProducer;
use async_nats::jetstream::Context;
use async_nats::jetstream::context::{self, PublishError};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::publish::PublishAck;
use async_nats::{HeaderMap, Subject, ToSubject};
use bytes::Bytes;
use otel_messaging::{Sending, semconv};
use std::pin::Pin;
use std::task::{Poll, ready};

impl InjectingProducer<Context> {
    /// Publishes as [`Context::publish`] does, with the context that is current at the call in the
    /// message's headers.
    ///
    /// The span `publish {subject}` ends with the stream's acknowledgement, that is when the
    /// [`PublishAckFuture`] is done or dropped.
    ///
    /// # Errors
    ///
    /// Those of the context, unchanged; the span is then marked as failed.
    pub fn publish<S: ToSubject>(
        &self,
        subject: S,
        payload: Bytes,
    ) -> impl Future<Output = Result<PublishAckFuture, PublishError>> {
        self.send_publish(subject, PublishMessage::build().payload(payload))
    }

    /// Publishes as [`Context::publish_with_headers`] does; see [`publish`](Self::publish).
    ///
    /// The given headers stay as they are, but for the propagator's own fields, which are
    /// replaced.
    ///
    /// # Errors
    ///
    /// Those of the context, unchanged; the span is then marked as failed.
    pub fn publish_with_headers<S: ToSubject>(
        &self,
        subject: S,
        headers: HeaderMap,
        payload: Bytes,
    ) -> impl Future<Output = Result<PublishAckFuture, PublishError>> {
        let message = PublishMessage::build().headers(headers).payload(payload);
        self.send_publish(subject, message)
    }

    /// Publishes as [`Context::send_publish`] does; see
    /// [`publish_with_headers`](Self::publish_with_headers).
    ///
    /// # Errors
    ///
    /// Those of the context, unchanged; the span is then marked as failed.
    pub fn send_publish<S: ToSubject>(
        &self,
        subject: S,
        publish: PublishMessage,
    ) -> impl Future<Output = Result<PublishAckFuture, PublishError>> {
        // The only way to a message's headers.
        let message = publish.outbound_message(subject);
        let outgoing = self.outgoing(&message.subject, &message.payload);
        let (sending, headers) = self.inject("publish", outgoing, message.headers);
        self.deliver(sending, message.subject, headers, message.payload)
    }

    /// Publishes a message whose span is started.
    pub(crate) async fn deliver(
        &self,
        sending: Sending,
        subject: Subject,
        headers: HeaderMap,
        payload: Bytes,
    ) -> Result<PublishAckFuture, PublishError> {
        let mut publish = PublishMessage::build().payload(payload);
        if !headers.is_empty() {
            publish = publish.headers(headers);
        }
        match self.inner.send_publish(subject, publish).await {
            Ok(inner) => Ok(PublishAckFuture { inner, sending }),
            Err(error) => {
                sending.fail(format!("{:?}", error.kind()), &error);
                Err(error)
            }
        }
    }

    pub(crate) fn outgoing<'a>(&self, subject: &'a str, payload: &Bytes) -> Outgoing<'a> {
        Outgoing {
            subject,
            payload: payload.len(),
            max_payload: self.inner.client().max_payload(),
        }
    }
}

/// The stream's acknowledgement of a published message, as
/// [`async_nats`'s](context::PublishAckFuture): awaited for the same result. The message's span
/// ends when that is there, so await it soon.
///
/// Dropped without being awaited, it leaves the span's status unset; the message is still
/// published.
#[derive(Debug)]
#[must_use = "await it to know that the stream has the message"]
pub struct PublishAckFuture {
    inner: context::PublishAckFuture,
    sending: Sending,
}

impl PublishAckFuture {
    /// Gives async-nats' own future back; the span ends here, with its status unset.
    pub fn into_inner(self) -> context::PublishAckFuture {
        self.inner
    }
}

impl IntoFuture for PublishAckFuture {
    type Output = Result<PublishAck, PublishError>;
    type IntoFuture = Acknowledgement;

    fn into_future(self) -> Acknowledgement {
        Acknowledgement {
            inner: self.inner.into_future(),
            sending: Some(self.sending),
        }
    }
}

/// The future of a [`PublishAckFuture`] that is awaited.
#[must_use = "futures do nothing unless awaited"]
pub struct Acknowledgement {
    inner: <context::PublishAckFuture as IntoFuture>::IntoFuture,
    /// The message's span, until the answer is here.
    sending: Option<Sending>,
}

impl Future for Acknowledgement {
    type Output = Result<PublishAck, PublishError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> Poll<Self::Output> {
        let answer = ready!(self.inner.as_mut().poll(cx));
        if let Some(sending) = self.sending.take() {
            end(sending, &answer);
        }
        Poll::Ready(answer)
    }
}

impl std::fmt::Debug for Acknowledgement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Acknowledgement").finish_non_exhaustive()
    }
}

fn end(sending: Sending, answer: &Result<PublishAck, PublishError>) {
    match answer {
        Ok(ack) => {
            sending.set_remote_attribute(semconv::MESSAGING_NATS_STREAM, &ack.stream);
            if let Ok(sequence) = i64::try_from(ack.sequence) {
                sending.set_attribute(semconv::MESSAGING_NATS_SEQUENCE, sequence);
            }
            if ack.duplicate {
                sending.set_attribute(semconv::MESSAGING_NATS_DUPLICATE, true);
            }
        }
        Err(error) => sending.fail(format!("{:?}", error.kind()), error),
    }
}
