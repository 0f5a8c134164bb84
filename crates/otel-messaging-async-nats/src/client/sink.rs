//! The client's own `Sink`, injecting.

use crate::injecting_producer::InjectingProducer;
use crate::outcome;
use async_nats::Client;
use async_nats::client::PublishError;
use async_nats::message::OutboundMessage;
use futures_util::Sink;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Takes messages as the client's own [`Sink`] does, with the same back-pressure.
///
/// Each carries the context that is current when the sink takes it: in `feed`, `send` and `send_all`, the
/// context of the task that awaits them. The span `publish {subject}` ends when the client has taken the
/// message.
///
/// # Errors
///
/// The client's own error, unchanged. It marks the message's span as failed.
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
        let outgoing = self.inject_into(&mut message);
        let taken = Pin::new(&mut self.inner).start_send(message);
        outcome::finish(outgoing, &taken);
        taken
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
