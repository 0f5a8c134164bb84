//! The futures of a publish. An asynchronous block would keep the message twice, beside the client's own future and
//! in it.

use crate::error_type::error_type;
use crate::limits::Unanswered;
use crate::outcome;
use crate::publish_ack_future::PublishAckFuture;
use async_nats::client::PublishError;
use async_nats::jetstream::context;
use otel_messaging::adapter::{Outcome, Outgoing};
use pin_project_lite::pin_project;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

pin_project! {
    /// A publish that is under way: the client's own future, and the message's span.
    pub(crate) struct Publishing<F> {
        #[pin]
        published: F,
        // `None` when the client has taken the message.
        outgoing: Option<Outgoing>,
    }
}

impl<F> Publishing<F> {
    pub(crate) fn new(published: F, outgoing: Outgoing) -> Self {
        Self {
            published,
            outgoing: Some(outgoing),
        }
    }
}

impl<F: Future<Output = Result<(), PublishError>>> Future for Publishing<F> {
    type Output = Result<(), PublishError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Some(outgoing) = this.outgoing {
            outgoing.hand_over();
        }
        let taken = ready!(this.published.poll(cx));
        if let Some(outgoing) = this.outgoing.take() {
            outcome::finish(outgoing, &taken);
        }
        Poll::Ready(taken)
    }
}

pin_project! {
    /// A publish to a stream that is under way: the context's own future, and what waits for the stream's answer.
    pub(crate) struct Delivering<F> {
        #[pin]
        published: F,
        // `None` when the client has taken the message.
        unanswered: Option<Unanswered>,
    }
}

impl<F> Delivering<F> {
    pub(crate) fn new(published: F, unanswered: Unanswered) -> Self {
        Self {
            published,
            unanswered: Some(unanswered),
        }
    }
}

impl<F> Future for Delivering<F>
where
    F: Future<Output = Result<context::PublishAckFuture, context::PublishError>>,
{
    type Output = Result<PublishAckFuture, context::PublishError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Some(unanswered) = this.unanswered {
            unanswered.outgoing.hand_over();
        }
        let taken = ready!(this.published.poll(cx));
        let unanswered = this.unanswered.take();
        Poll::Ready(match taken {
            Ok(inner) => Ok(PublishAckFuture::new(inner, unanswered)),
            Err(error) => {
                if let Some(Unanswered { outgoing, .. }) = unanswered {
                    outgoing.finish(Outcome::failed(error_type(&error), &error));
                }
                Err(error)
            }
        })
    }
}
