//! async-nats' own traits of the JetStream context, for code that is generic over them.

use crate::injecting_producer::InjectingProducer;
use crate::outcome;
use crate::publish_ack_future::PublishAckFuture;
use crate::publishing::Publishing;
use async_nats::client::{PublishError, Request, RequestError, traits};
use async_nats::jetstream::Context;
use async_nats::jetstream::context::{self, traits as jetstream_traits};
use async_nats::jetstream::message as jetstream_message;
use async_nats::message::OutboundMessage;
use async_nats::{Message, ToSubject};
use bytes::Bytes;
use std::time::Duration;

/// Publishes on core NATS, like the context's own implementation, and otherwise as
/// `InjectingProducer<Client>` does.
impl traits::Publisher for InjectingProducer<Context> {
    fn publish_with_reply<S: ToSubject, R: ToSubject>(
        &self,
        subject: S,
        reply: R,
        payload: Bytes,
    ) -> impl Future<Output = Result<(), PublishError>> {
        let (subject, reply) = (subject.to_subject(), reply.to_subject());
        let (mut outgoing, headers) = self.inject("publish", &subject, None, payload.len());
        async move {
            outgoing.hand_over();
            let client = self.inner.client();
            let taken = if headers.is_empty() {
                client.publish_with_reply(subject, reply, payload).await
            } else {
                client
                    .publish_with_reply_and_headers(subject, reply, headers, payload)
                    .await
            };
            outcome::finish(outgoing, &taken);
            taken
        }
    }

    fn publish_message(
        &self,
        mut message: OutboundMessage,
    ) -> impl Future<Output = Result<(), PublishError>> {
        let outgoing = self.inject_into(&mut message);
        let published = traits::Publisher::publish_message(&self.inner, message);
        Publishing::new(published, outgoing)
    }
}

/// Requests on core NATS, with the timeout of the context; otherwise as
/// `InjectingProducer<Client>` does.
impl traits::Requester for InjectingProducer<Context> {
    fn send_request<S: ToSubject>(
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
            let reply = traits::Requester::send_request(&self.inner, subject, request).await;
            outcome::finish_request(outgoing, &reply);
            reply
        }
    }
}

/// Publishes with the context that is current at the call. The trait asks for async-nats' own
/// future, so the span `publish {subject}` ends when the client has taken the message.
impl jetstream_traits::Publisher for InjectingProducer<Context> {
    fn publish<S: ToSubject>(
        &self,
        subject: S,
        payload: Bytes,
    ) -> impl Future<Output = Result<context::PublishAckFuture, context::PublishError>> {
        let taken = InjectingProducer::<Context>::publish(self, subject, payload);
        async move { taken.await.map(PublishAckFuture::into_inner) }
    }

    fn publish_message(
        &self,
        message: jetstream_message::OutboundMessage,
    ) -> impl Future<Output = Result<context::PublishAckFuture, context::PublishError>> {
        let taken = self.publish_outbound(message);
        async move { taken.await.map(PublishAckFuture::into_inner) }
    }
}

/// Calls of JetStream's API, as the context makes them: no messages of the program, no spans.
impl jetstream_traits::Requester for InjectingProducer<Context> {
    fn request<S, T, V>(
        &self,
        subject: S,
        payload: &T,
    ) -> impl Future<Output = Result<V, context::RequestError>>
    where
        S: ToSubject,
        T: ?Sized + serde::Serialize,
        V: serde::de::DeserializeOwned,
    {
        self.inner.request(subject, payload)
    }
}

/// Calls of JetStream's API, as the context makes them: no messages of the program, no spans.
impl jetstream_traits::RequestSender for InjectingProducer<Context> {
    fn send_request<S: ToSubject>(
        &self,
        subject: S,
        request: Request,
    ) -> impl Future<Output = Result<(), PublishError>> {
        self.inner.send_request(subject, request)
    }
}

impl jetstream_traits::TimeoutProvider for InjectingProducer<Context> {
    fn timeout(&self) -> Duration {
        jetstream_traits::TimeoutProvider::timeout(&self.inner)
    }
}
