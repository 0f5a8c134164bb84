//! The client of core NATS that injects.

mod relay;
mod sink;
mod traits;

use crate::injecting_producer::InjectingProducer;
use crate::outcome;
use crate::publishing::Publishing;
use async_nats::client::traits::Publisher;
use async_nats::client::{PublishError, Request, RequestError};
use async_nats::message::OutboundMessage;
use async_nats::{Client, HeaderMap, Message, ToSubject};
use bytes::Bytes;
use otel_messaging::adapter::Outgoing;

impl InjectingProducer<Client> {
    /// Publishes as [`Client::publish`] does, with the context that is current at the call in the
    /// message's headers.
    ///
    /// The span `publish {subject}` ends when the client has taken the message: core NATS gives
    /// no answer.
    ///
    /// # Errors
    ///
    /// The client's own error, unchanged. It marks the span as failed.
    pub fn publish<S: ToSubject>(
        &self,
        subject: S,
        payload: Bytes,
    ) -> impl Future<Output = Result<(), PublishError>> {
        self.send(subject, None, payload)
    }

    /// Publishes as [`Client::publish_with_headers`] does; see [`publish`](Self::publish).
    ///
    /// The given headers stay as they are, except for the propagator's own fields, which this method
    /// replaces.
    ///
    /// # Errors
    ///
    /// The client's own error, unchanged. It marks the span as failed.
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
    /// The client's own error, unchanged. It marks the span as failed.
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
    /// The client's own error, unchanged. It marks the span as failed.
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
    /// If a service says that it failed, with the header `Nats-Service-Error-Code` (ADR-32), its reply
    /// comes back as any other, and marks the span as failed.
    ///
    /// # Errors
    ///
    /// The client's own error, unchanged. It marks the span as failed.
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
    /// The client's own error, unchanged. It marks the span as failed.
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
    /// The client's own error, unchanged. It marks the span as failed.
    pub fn send_request<S: ToSubject>(
        &self,
        subject: S,
        mut request: Request,
    ) -> impl Future<Output = Result<Message, RequestError>> {
        let subject = subject.to_subject();
        let headers = request.headers.take();
        let payload = request.payload.as_ref().map_or(0, Bytes::len);
        let (mut outgoing, headers) = self.inject("request", &subject, headers, payload);
        request.headers = (!headers.is_empty()).then_some(headers);
        async move {
            outgoing.hand_over();
            let reply = self.inner.send_request(subject, request).await;
            outcome::finish_request(outgoing, &reply);
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
        let (outgoing, headers) = self.inject("publish", &subject, headers, payload.len());
        let message = OutboundMessage {
            subject,
            reply: None,
            payload,
            headers: (!headers.is_empty()).then_some(headers),
        };
        self.publish_outbound(outgoing, message)
    }

    // By a method of its own: `publish_message` does not check the reply subject.
    fn send_with_reply<S: ToSubject, R: ToSubject>(
        &self,
        subject: S,
        reply: R,
        headers: Option<HeaderMap>,
        payload: Bytes,
    ) -> impl Future<Output = Result<(), PublishError>> {
        let subject = subject.to_subject();
        let reply = reply.to_subject();
        let (outgoing, headers) = self.inject("publish", &subject, headers, payload.len());
        let client = &self.inner;
        // To the client, empty headers are none.
        let published = client.publish_with_reply_and_headers(subject, reply, headers, payload);
        Publishing::new(published, outgoing)
    }

    /// Publishes a message that has its context already.
    fn publish_outbound(
        &self,
        outgoing: Outgoing,
        message: OutboundMessage,
    ) -> impl Future<Output = Result<(), PublishError>> {
        Publishing::new(Publisher::publish_message(&self.inner, message), outgoing)
    }
}
