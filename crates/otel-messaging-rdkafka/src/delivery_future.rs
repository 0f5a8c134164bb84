//! The broker's answer to a record of a `FutureProducer`.

use crate::limits::note_answer;
use crate::record::OutgoingRecord;
use crate::restorable_headers::GivenHeaders;
use otel_messaging::adapter::RefusedSizes;
use rdkafka::producer::future_producer::{self, OwnedDeliveryResult};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// The delivery of a record: a future with the same result as rdkafka's
/// [`DeliveryFuture`](future_producer::DeliveryFuture).
///
/// The record's span ends when the future is polled to its end, so await it soon. If it is dropped
/// before the answer, the span's status stays unset, and the record is still sent.
#[must_use = "await it to know that the broker has the record"]
pub struct DeliveryFuture {
    inner: future_producer::DeliveryFuture,
    /// The record's span, until the answer is here.
    outgoing: Option<(OutgoingRecord, GivenHeaders)>,
    refused: Arc<RefusedSizes>,
    /// Topic and size, if it matters to know that the topic accepts it.
    to_note: Option<(Box<str>, usize)>,
}

impl DeliveryFuture {
    pub(crate) fn new(
        inner: future_producer::DeliveryFuture,
        outgoing: (OutgoingRecord, GivenHeaders),
        refused: Arc<RefusedSizes>,
        to_note: Option<(Box<str>, usize)>,
    ) -> Self {
        Self {
            inner,
            outgoing: Some(outgoing),
            refused,
            to_note,
        }
    }

    /// Gives rdkafka's own future back; the span ends here, with its status unset.
    pub fn into_inner(self) -> future_producer::DeliveryFuture {
        self.inner
    }
}

impl Future for DeliveryFuture {
    type Output = <future_producer::DeliveryFuture as Future>::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = ready!(Pin::new(&mut self.inner).poll(cx));
        if let Ok(delivery) = &answer {
            let sent = self.to_note.as_ref().map(|(topic, size)| (&**topic, *size));
            note_answer(&self.refused, sent, delivery);
        }
        let answer = match (self.outgoing.take(), answer) {
            (Some(outgoing), Ok(delivery)) => Ok(end(outgoing, delivery)),
            (Some((outgoing, _)), Err(canceled)) => {
                outgoing.cancel();
                Err(canceled)
            }
            (None, answer) => answer,
        };
        Poll::Ready(answer)
    }
}

impl std::fmt::Debug for DeliveryFuture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DeliveryFuture").finish_non_exhaustive()
    }
}

/// Ends a record's span; the message in an error gets the headers that the caller gave.
#[expect(clippy::result_large_err, reason = "rdkafka's own type")]
pub(crate) fn end(
    (outgoing, given): (OutgoingRecord, GivenHeaders),
    delivery: OwnedDeliveryResult,
) -> OwnedDeliveryResult {
    match delivery {
        Ok(delivery) => {
            outgoing.succeed(delivery.partition, delivery.offset);
            Ok(delivery)
        }
        Err((error, mut message)) => {
            let mut headers = message.detach_headers();
            outgoing.give_back(&error, given, &mut headers);
            Err((error, message.replace_headers(headers)))
        }
    }
}
