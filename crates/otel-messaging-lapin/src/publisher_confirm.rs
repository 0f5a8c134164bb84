//! The broker's answer to a message.

use crate::error_type::{amqp_error_type, error_type};
use lapin::message::BasicReturnMessage;
use lapin::{Confirmation, Result};
use otel_messaging::adapter::{Outcome, Outgoing};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// The broker's answer to a published message, as [`lapin::PublisherConfirm`]: a future with the same
/// result. The message's span ends when the future is done, so await it soon.
///
/// The span is marked as failed when the broker refuses the message (`nack`), when a mandatory
/// message comes back because no queue takes it (`NO_ROUTE`), and when the channel or the
/// connection ends before the answer. On a channel without confirms there is no answer to wait for,
/// and the span has ended already.
///
/// If several messages are under way, lapin 4.12 may hand out a returned message with the confirm of
/// another one. Neither span is then marked.
///
/// If you drop it before the answer, the span's status stays unset, and `wait_for_confirms` of the
/// channel waits for the confirm, as for lapin's own.
#[derive(Debug)]
#[must_use = "await it to know that the broker has the message"]
pub struct PublisherConfirm {
    inner: lapin::PublisherConfirm,
    /// The message's span, until the answer is here.
    outgoing: Option<Outgoing>,
}

impl PublisherConfirm {
    pub(crate) fn new(inner: lapin::PublisherConfirm, outgoing: Option<Outgoing>) -> Self {
        Self { inner, outgoing }
    }

    /// Gives lapin's own future back. The span ends here, with its status unset.
    pub fn into_inner(self) -> lapin::PublisherConfirm {
        self.inner
    }
}

impl Future for PublisherConfirm {
    type Output = Result<Confirmation>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = ready!(Pin::new(&mut self.inner).poll(cx));
        if let Some(outgoing) = self.outgoing.take() {
            end(outgoing, &answer);
        }
        Poll::Ready(answer)
    }
}

fn end(outgoing: Outgoing, answer: &Result<Confirmation>) {
    match answer {
        Ok(Confirmation::Ack(None)) => outgoing.finish(Outcome::accepted()),
        Ok(Confirmation::Ack(Some(returned))) => end_returned(outgoing, returned),
        Ok(Confirmation::Nack(_)) => {
            outgoing.finish(Outcome::failed("nack", &"the broker refused the message"));
        }
        Ok(Confirmation::NotRequested) => outgoing.finish(Outcome::Unknown),
        Err(error) => outgoing.finish(Outcome::failed(error_type(error), error)),
    }
}

fn end_returned(outgoing: Outgoing, returned: &BasicReturnMessage) {
    // Where the broker acknowledges several in one answer, lapin 4.12 gives what came back to any of
    // them.
    if !outgoing.may_have(returned.properties.headers().as_ref()) {
        return outgoing.finish(Outcome::Unknown);
    }
    match returned.error() {
        Some(error) => outgoing.finish(Outcome::failed(amqp_error_type(&error), &error)),
        None => outgoing.finish(Outcome::failed("returned", &returned.reply_text)),
    }
}
