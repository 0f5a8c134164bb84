//! The stream's answer to a publish.

use crate::error_type::error_type;
use crate::limits::{Answer, Unanswered};
use async_nats::jetstream::context::{self, PublishError};
use async_nats::jetstream::publish::PublishAck;
use otel_messaging::adapter::{Outcome, Outgoing, semconv};
use std::pin::Pin;
use std::task::{Poll, ready};

/// The stream's acknowledgement of a published message: await it for the result that
/// [async-nats' own future](context::PublishAckFuture) gives.
///
/// The message's span ends with the answer, so await it soon. If you drop it instead, the span ends with
/// its status unset; the message is still published.
///
/// If the stream refuses the message for its size, the awaited future publishes it once more, without what
/// this crate added, and gives the answer to that. It then waits for a second answer, with the context's
/// timeout for each.
#[derive(Debug)]
#[must_use = "await it to know that the stream has the message"]
pub struct PublishAckFuture {
    inner: context::PublishAckFuture,
    unanswered: Option<Unanswered>,
}

impl PublishAckFuture {
    pub(crate) fn new(inner: context::PublishAckFuture, unanswered: Option<Unanswered>) -> Self {
        Self { inner, unanswered }
    }

    /// Gives async-nats' own future back. The span ends here, with its status unset. If the stream refuses
    /// the message for its size, it is not sent again.
    pub fn into_inner(self) -> context::PublishAckFuture {
        self.inner
    }
}

impl IntoFuture for PublishAckFuture {
    type Output = Result<PublishAck, PublishError>;
    type IntoFuture = Acknowledgement;

    fn into_future(self) -> Acknowledgement {
        Acknowledgement {
            answer: self.inner.into_future(),
            unanswered: self.unanswered,
        }
    }
}

/// The future of a [`PublishAckFuture`] that is awaited.
#[must_use = "futures do nothing unless awaited"]
pub struct Acknowledgement {
    answer: Answer,
    /// The message and its span, until the answer is here.
    unanswered: Option<Unanswered>,
}

impl Future for Acknowledgement {
    type Output = Result<PublishAck, PublishError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> Poll<Self::Output> {
        loop {
            let answer = ready!(self.answer.as_mut().poll(cx));
            let Some(mut unanswered) = self.unanswered.take() else {
                return Poll::Ready(answer);
            };
            let Some(next) = unanswered.send_again(&answer) else {
                finish(unanswered.outgoing, &answer);
                return Poll::Ready(answer);
            };
            self.answer = next;
            self.unanswered = Some(unanswered);
        }
    }
}

impl std::fmt::Debug for Acknowledgement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Acknowledgement").finish_non_exhaustive()
    }
}

fn finish(outgoing: Outgoing, answer: &Result<PublishAck, PublishError>) {
    match answer {
        Ok(ack) => outgoing.finish(Outcome::Accepted(&|attributes| {
            attributes.set_remote(semconv::NATS_STREAM, &ack.stream);
            if let Ok(sequence) = i64::try_from(ack.sequence) {
                attributes.set(semconv::NATS_SEQUENCE, sequence);
            }
            if ack.duplicate {
                attributes.set(semconv::NATS_DUPLICATE, true);
            }
        })),
        Err(error) => outgoing.finish(Outcome::failed(error_type(error), error)),
    }
}
