//! The broker's answer to a record.

use crate::native;
use crate::size::{self, PER_HEADER};
use otel_messaging::{Sending, semconv};
use rdkafka::error::KafkaError;
use rdkafka::message::OwnedHeaders;
use rdkafka::producer::future_producer::{self, OwnedDeliveryResult};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// The delivery of a record, as rdkafka's [`DeliveryFuture`](future_producer::DeliveryFuture): a
/// future of the same result. The record's span ends when it is polled to its end, so await it
/// soon.
///
/// Dropped before the answer, it leaves the span's status unset; the record is still sent.
#[must_use = "await it to know that the broker has the record"]
pub struct DeliveryFuture {
    inner: future_producer::DeliveryFuture,
    /// The record's span, until the answer is here.
    sent: Option<Sent>,
}

impl DeliveryFuture {
    pub(crate) fn new(inner: future_producer::DeliveryFuture, sent: Sent) -> Self {
        Self {
            inner,
            sent: Some(sent),
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
        let answer = match (self.sent.take(), answer) {
            (Some(sent), Ok(delivery)) => Ok(sent.end(delivery)),
            (Some(sent), Err(canceled)) => {
                sent.sending.fail("canceled", "the producer was dropped");
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

/// A record that is on its way, and what its caller gave as headers.
pub(crate) struct Sent {
    sending: Sending,
    given: Given,
    /// Whether only the broker's answer tells the partition.
    partition_open: bool,
}

/// Of W3C trace context and baggage.
const FIELDS: usize = 3;

/// The headers that the caller gave, to be handed back with an error.
enum Given {
    Nothing,
    /// Headers without any field of the propagator.
    NoContext,
    /// Headers with a context of their own, which ours has replaced.
    Context(OwnedHeaders),
}

impl Sent {
    pub(crate) fn inject(
        sending: Sending,
        headers: &mut Option<OwnedHeaders>,
        room: usize,
        partition_open: bool,
    ) -> Self {
        let given = match headers {
            None => Given::Nothing,
            Some(headers) if sending.instrumentation().carries_context(headers) => {
                Given::Context(headers.clone())
            }
            Some(_) => Given::NoContext,
        };
        let injected = headers.get_or_insert_with(|| OwnedHeaders::new_with_capacity(FIELDS));
        sending.inject_where_room(injected, PER_HEADER, |headers| {
            room.checked_sub(size::of_headers(headers))
        });
        if rdkafka::message::Headers::count(injected) == 0 {
            *headers = None;
        }
        Self {
            sending,
            given,
            partition_open,
        }
    }

    #[expect(clippy::result_large_err, reason = "rdkafka's own type")]
    pub(crate) fn end(self, delivery: OwnedDeliveryResult) -> OwnedDeliveryResult {
        match delivery {
            Ok(delivery) => {
                if self.partition_open {
                    let key = semconv::MESSAGING_DESTINATION_PARTITION_ID;
                    self.sending
                        .set_attribute(key, delivery.partition.to_string());
                }
                // Without acknowledgements librdkafka knows no offset and says -1001.
                if delivery.offset >= 0 {
                    let key = semconv::MESSAGING_KAFKA_OFFSET;
                    self.sending.set_attribute(key, delivery.offset);
                }
                Ok(delivery)
            }
            Err((error, mut message)) => {
                let mut headers = message.detach_headers();
                self.fail(&error, &mut headers);
                Err((error, message.replace_headers(headers)))
            }
        }
    }

    /// Ends the span as failed and gives the headers back as the caller gave them.
    pub(crate) fn fail(self, error: &KafkaError, headers: &mut Option<OwnedHeaders>) {
        match self.given {
            Given::Nothing => *headers = None,
            Given::NoContext => {
                if let Some(headers) = headers {
                    self.sending.instrumentation().remove_context(headers);
                }
            }
            Given::Context(given) => *headers = Some(given),
        }
        let error_type = error
            .rdkafka_error_code()
            .map_or("_OTHER", native::error_name);
        self.sending.fail(error_type, error);
    }
}
