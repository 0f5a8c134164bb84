//! async-nats' own traits of the client, for code that is generic over them.

use crate::injecting_producer::InjectingProducer;
use async_nats::client::{PublishError, Request, RequestError, SubscribeError, traits};
use async_nats::message::OutboundMessage;
use async_nats::{Client, Message, Subscriber, ToSubject};
use bytes::Bytes;
use std::time::Duration;

/// Publishes with the context that is current at the call; the span `publish {subject}` ends when
/// the client has taken the message.
impl traits::Publisher for InjectingProducer<Client> {
    fn publish_with_reply<S: ToSubject, R: ToSubject>(
        &self,
        subject: S,
        reply: R,
        payload: Bytes,
    ) -> impl Future<Output = Result<(), PublishError>> {
        InjectingProducer::<Client>::publish_with_reply(self, subject, reply, payload)
    }

    fn publish_message(
        &self,
        mut message: OutboundMessage,
    ) -> impl Future<Output = Result<(), PublishError>> {
        let outgoing = self.inject_into(&mut message);
        self.publish_outbound(outgoing, message)
    }
}

/// Requests with the context that is current at the call; the span `request {subject}` ends with
/// the reply.
impl traits::Requester for InjectingProducer<Client> {
    fn send_request<S: ToSubject>(
        &self,
        subject: S,
        request: Request,
    ) -> impl Future<Output = Result<Message, RequestError>> {
        InjectingProducer::<Client>::send_request(self, subject, request)
    }
}

/// Subscribes as the client does.
impl traits::Subscriber for InjectingProducer<Client> {
    fn subscribe<S: ToSubject>(
        &self,
        subject: S,
    ) -> impl Future<Output = Result<Subscriber, SubscribeError>> {
        self.inner.subscribe(subject)
    }
}

impl traits::TimeoutProvider for InjectingProducer<Client> {
    fn timeout(&self) -> Option<Duration> {
        self.inner.timeout()
    }
}
