//! The client of core NATS that injects.

use crate::injection::Outgoing;
use crate::producer::InjectingProducer;
use crate::service_error;
use async_nats::client::{PublishError, Request, RequestError};
use async_nats::message::OutboundMessage;
use async_nats::{Client, HeaderMap, Message, ToSubject};
use bytes::Bytes;
use futures_util::Sink;
use otel_messaging::Sending;
use std::pin::Pin;
use std::task::{Context, Poll};

impl InjectingProducer<Client> {
    /// Publishes as [`Client::publish`] does, with the context that is current at the call in the
    /// message's headers.
    ///
    /// The span `publish {subject}` ends when the client has taken the message: core NATS gives
    /// no answer.
    ///
    /// # Errors
    ///
    /// Those of the client, unchanged; the span is then marked as failed.
    pub fn publish<S: ToSubject>(
        &self,
        subject: S,
        payload: Bytes,
    ) -> impl Future<Output = Result<(), PublishError>> {
        self.send(subject, None, payload)
    }

    /// Publishes as [`Client::publish_with_headers`] does; see [`publish`](Self::publish).
    ///
    /// The given headers stay as they are, but for the propagator's own fields, which are
    /// replaced.
    ///
    /// # Errors
    ///
    /// Those of the client, unchanged; the span is then marked as failed.
    pub fn publish_with_headers<S: ToSubject>(
        &self,
        subject: S,
        headers: HeaderMap,
        payload: Bytes,
    ) -> impl Future<Output = Result<(), PublishError>> {
        self.send(subject, Some(headers), payload)
    }

    /// Publishes as [`Client::publish_with_reply`] does; see [`publish`](Self::publish).
    ///
    /// # Errors
    ///
    /// Those of the client, unchanged; the span is then marked as failed.
    pub fn publish_with_reply<S: ToSubject, R: ToSubject>(
        &self,
        subject: S,
        reply: R,
        payload: Bytes,
    ) -> impl Future<Output = Result<(), PublishError>> {
        self.send_with_reply(subject, reply, None, payload)
    }

    /// Publishes as [`Client::publish_with_reply_and_headers`] does; see
    /// [`publish_with_headers`](Self::publish_with_headers).
    ///
    /// # Errors
    ///
    /// Those of the client, unchanged; the span is then marked as failed.
    pub fn publish_with_reply_and_headers<S: ToSubject, R: ToSubject>(
        &self,
        subject: S,
        reply: R,
        headers: HeaderMap,
        payload: Bytes,
    ) -> impl Future<Output = Result<(), PublishError>> {
        self.send_with_reply(subject, reply, Some(headers), payload)
    }

    /// Requests as [`Client::request`] does, with the context that is current at the call in the
    /// request's headers. The span `request {subject}` ends with the reply.
    ///
    /// A reply by which a service says that it failed, with the header `Nats-Service-Error-Code`
    /// (ADR-32), comes back as any other, and marks the span.
    ///
    /// # Errors
    ///
    /// Those of the client, unchanged; the span is then marked as failed.
    pub fn request<S: ToSubject>(
        &self,
        subject: S,
        payload: Bytes,
    ) -> impl Future<Output = Result<Message, RequestError>> {
        self.send_request(subject, Request::new().payload(payload))
    }

    /// Requests as [`Client::request_with_headers`] does; see [`request`](Self::request).
    ///
    /// # Errors
    ///
    /// Those of the client, unchanged; the span is then marked as failed.
    pub fn request_with_headers<S: ToSubject>(
        &self,
        subject: S,
        headers: HeaderMap,
        payload: Bytes,
    ) -> impl Future<Output = Result<Message, RequestError>> {
        let request = Request::new().headers(headers).payload(payload);
        self.send_request(subject, request)
    }

    /// Requests as [`Client::send_request`] does; see [`request`](Self::request).
    ///
    /// # Errors
    ///
    /// Those of the client, unchanged; the span is then marked as failed.
    pub fn send_request<S: ToSubject>(
        &self,
        subject: S,
        mut request: Request,
    ) -> impl Future<Output = Result<Message, RequestError>> {
        let subject = subject.to_subject();
        let message = Outgoing {
            subject: &subject,
            payload: request.payload.as_ref().map_or(0, Bytes::len),
            max_payload: self.inner.max_payload(),
        };
        let (sending, headers) = self.inject("request", message, request.headers.take());
        request.headers = (!headers.is_empty()).then_some(headers);
        async move {
            let reply = self.inner.send_request(subject, request).await;
            end_request(sending, &reply);
            reply
        }
    }

    fn send<S: ToSubject>(
        &self,
        subject: S,
        headers: Option<HeaderMap>,
        payload: Bytes,
    ) -> impl Future<Output = Result<(), PublishError>> {
        let subject = subject.to_subject();
        let (sending, headers) = self.inject("publish", self.outgoing(&subject, &payload), headers);
        async move {
            let taken = if headers.is_empty() {
                self.inner.publish(subject, payload).await
            } else {
                let client = &self.inner;
                client.publish_with_headers(subject, headers, payload).await
            };
            end(sending, taken)
        }
    }

    fn send_with_reply<S: ToSubject, R: ToSubject>(
        &self,
        subject: S,
        reply: R,
        headers: Option<HeaderMap>,
        payload: Bytes,
    ) -> impl Future<Output = Result<(), PublishError>> {
        let subject = subject.to_subject();
        let reply = reply.to_subject();
        let (sending, headers) = self.inject("publish", self.outgoing(&subject, &payload), headers);
        async move {
            let client = &self.inner;
            let taken = if headers.is_empty() {
                client.publish_with_reply(subject, reply, payload).await
            } else {
                client
                    .publish_with_reply_and_headers(subject, reply, headers, payload)
                    .await
            };
            end(sending, taken)
        }
    }

    pub(crate) fn outgoing<'a>(&self, subject: &'a str, payload: &Bytes) -> Outgoing<'a> {
        Outgoing {
            subject,
            payload: payload.len(),
            max_payload: self.inner.max_payload(),
        }
    }
}

/// Takes messages as the client's own [`Sink`] does, with the same back-pressure, each with the
/// context that is current when it is handed over: in `feed`, `send` and `send_all`, that of the
/// task that awaits them. The span `publish {subject}` ends when the client has taken the message.
///
/// # Errors
///
/// Those of the client, unchanged; the message's span is then marked as failed.
impl Sink<OutboundMessage> for InjectingProducer<Client> {
    type Error = PublishError;

    fn poll_ready(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), PublishError>> {
        Pin::new(&mut self.inner).poll_ready(context)
    }

    fn start_send(
        mut self: Pin<&mut Self>,
        mut message: OutboundMessage,
    ) -> Result<(), PublishError> {
        let sending = self.inject_into(&mut message);
        end(sending, Pin::new(&mut self.inner).start_send(message))
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), PublishError>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_close(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), PublishError>> {
        Pin::new(&mut self.inner).poll_close(context)
    }
}

impl InjectingProducer<Client> {
    pub(crate) fn inject_into(&self, message: &mut OutboundMessage) -> Sending {
        let outgoing = self.outgoing(&message.subject, &message.payload);
        let (sending, headers) = self.inject("publish", outgoing, message.headers.take());
        message.headers = (!headers.is_empty()).then_some(headers);
        sending
    }
}

pub(crate) fn end(sending: Sending, taken: Result<(), PublishError>) -> Result<(), PublishError> {
    if let Err(error) = &taken {
        sending.fail(format!("{:?}", error.kind()), error);
    }
    taken
}

pub(crate) fn end_request(sending: Sending, reply: &Result<Message, RequestError>) {
    match reply {
        Ok(reply) => service_error::mark(sending, reply.headers.as_ref()),
        Err(error) => sending.fail(format!("{:?}", error.kind()), error),
    }
}
