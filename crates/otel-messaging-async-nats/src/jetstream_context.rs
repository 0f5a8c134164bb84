//! The JetStream context that injects.

mod relay;
mod traits;

use crate::injecting_producer::InjectingProducer;
use crate::limits::{Bare, Unanswered};
use crate::publish_ack_future::PublishAckFuture;
use crate::publishing::Delivering;
use async_nats::jetstream::Context;
use async_nats::jetstream::context::PublishError;
use async_nats::jetstream::message::{OutboundMessage, PublishMessage};
use async_nats::{HeaderMap, Subject, ToSubject};
use bytes::Bytes;
use otel_messaging::adapter::Outgoing;

impl InjectingProducer<Context> {
    /// Publishes as [`Context::publish`] does, with the context that is current at the call in the
    /// message's headers.
    ///
    /// The span `publish {subject}` ends with the stream's acknowledgement: when the
    /// [`PublishAckFuture`] is done or dropped.
    ///
    /// If the stream refuses the message because it is larger than the stream's `max_message_size`, the
    /// awaited [`PublishAckFuture`] publishes it once more, without the context. From then on messages of at
    /// least that size go to this subject without a context at once. See "Limits" in this crate's
    /// documentation.
    ///
    /// # Errors
    ///
    /// The context's own error, unchanged. It marks the span as failed.
    pub fn publish<S: ToSubject>(
        &self,
        subject: S,
        payload: Bytes,
    ) -> impl Future<Output = Result<PublishAckFuture, PublishError>> {
        self.send_publish(subject, PublishMessage::build().payload(payload))
    }

    /// Publishes as [`Context::publish_with_headers`] does; see [`publish`](Self::publish).
    ///
    /// The given headers stay as they are, except for the propagator's own fields, which this method
    /// replaces.
    ///
    /// # Errors
    ///
    /// The context's own error, unchanged. It marks the span as failed.
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
    /// The context's own error, unchanged. It marks the span as failed.
    pub fn send_publish<S: ToSubject>(
        &self,
        subject: S,
        publish: PublishMessage,
    ) -> impl Future<Output = Result<PublishAckFuture, PublishError>> {
        // The only way to a message's headers.
        self.publish_outbound(publish.outbound_message(subject))
    }

    pub(crate) fn publish_outbound(
        &self,
        message: OutboundMessage,
    ) -> impl Future<Output = Result<PublishAckFuture, PublishError>> {
        let OutboundMessage {
            subject,
            headers,
            payload,
            ..
        } = message;
        let bare = Bare::given(headers.as_ref());
        let (outgoing, headers) = self.inject("publish", &subject, headers, payload.len());
        self.deliver(outgoing, subject, (headers, payload), bare)
    }

    /// Publishes a message whose span is started.
    pub(crate) fn deliver(
        &self,
        outgoing: Outgoing,
        subject: Subject,
        message: (HeaderMap, Bytes),
        bare: Bare,
    ) -> impl Future<Output = Result<PublishAckFuture, PublishError>> {
        // At the call, as the context is written.
        let (unanswered, publish) = Unanswered::new(outgoing, &self.limits, subject, message, bare);
        let published = self.inner.send_publish(unanswered.subject(), publish);
        Delivering::new(published, unanswered)
    }
}
