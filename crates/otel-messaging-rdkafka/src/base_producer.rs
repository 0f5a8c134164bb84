//! The calls of a `BaseProducer` and of a `ThreadedProducer`.

use crate::injecting_context::{InFlight, InjectingContext};
use crate::injecting_producer::{InjectingProducer, Wrapped};
use crate::received::ReceivedRecord;
use crate::record::{OutgoingRecord, Record};
use crate::record_queue::{RecordQueue, relayed_record, replace_opaque};
use crate::relay;
use otel_messaging::adapter::Relay;
use rdkafka::error::KafkaError;
use rdkafka::message::ToBytes;
use rdkafka::producer::{BaseRecord, Partitioner, ProducerContext};
use rdkafka::util::Timeout;
use std::fmt;

/// The calls of a wrapped [`BaseProducer`](rdkafka::producer::BaseProducer) or
/// [`ThreadedProducer`](rdkafka::producer::ThreadedProducer) that was made with an
/// [`InjectingContext`]. [`UntilQueuedProducer`](crate::UntilQueuedProducer) wraps one that was made
/// without.
impl<Q, C, Part> InjectingProducer<Q>
where
    Q: RecordQueue<Context = InjectingContext<C>, Partitioner = Part> + Wrapped,
    C: ProducerContext<Part>,
    Part: Partitioner,
{
    /// Queues a record as the producer's own `send` does, with the current context in its headers.
    ///
    /// The context is the one that is current at the call. The span `send {topic}` ends in the
    /// delivery callback, just before your context's, and then has partition and offset. The wrapper
    /// replaces the propagator's own fields in the caller's headers; the others stay as they are.
    ///
    /// A record that the broker refuses for its size is not sent again. From then on records of at least
    /// that size go to this topic without a context. See "Limits" in this crate's documentation.
    ///
    /// # Errors
    ///
    /// The producer's error, unchanged. It marks the span as failed. The record in the error is as the
    /// caller gave it, so that the wrapper can inject anew when it is sent again.
    #[expect(
        clippy::result_large_err,
        clippy::type_complexity,
        reason = "rdkafka's own signature"
    )]
    pub fn send<'a, K, V>(
        &self,
        mut record: BaseRecord<'a, K, V, C::DeliveryOpaque>,
    ) -> Result<(), (KafkaError, BaseRecord<'a, K, V, C::DeliveryOpaque>)>
    where
        K: ToBytes + ?Sized,
        V: ToBytes + ?Sized,
    {
        let described = Record::new(record.topic, record.partition, record.key, record.payload);
        let (outgoing, given) = self.injector.inject(described, &mut record.headers, false);
        self.enqueue(record, outgoing)
            .map_err(|(error, mut record, outgoing)| {
                outgoing.give_back(&error, given, &mut record.headers);
                (error, record)
            })
    }

    /// Starts a batch: the records that you send by the returned handle are sent together.
    ///
    /// Each record has a span `create {topic}`, a child of the context that is current at the call. Its
    /// context goes in the record. One span `send {topic}`, of kind CLIENT, stands for the sending of all.
    /// It is a child of the context that is current now, and has a link to each create span. It ends with the
    /// last delivery callback and the handle. "Batches" in this crate's documentation has the details.
    ///
    /// The handle borrows the producer, because not all of these producers can be cloned. Flush the
    /// producer itself.
    #[must_use = "the records that it sends are the batch"]
    pub fn batch(&self) -> InjectingProducer<&Q> {
        InjectingProducer {
            inner: &self.inner,
            injector: self.injector.batch(),
        }
    }

    /// Polls the producer, which calls the delivery callback; see
    /// [`BaseProducer::poll`](rdkafka::producer::BaseProducer::poll).
    pub fn poll<T: Into<Timeout>>(&self, timeout: T) {
        self.inner.serve(timeout.into());
    }

    /// Sends a received message on to a topic with the context that it came with.
    ///
    /// Key, payload, timestamp and headers stay as they are. The span of this sending is linked to the
    /// message's sender. The sender's span is still the parent of the next handler's span.
    ///
    /// A message without a context, or with one that cannot be read, gets one as in [`send`](Self::send).
    /// A context in JSON quotes goes on without them, because readers in other languages do not remove
    /// them. `opaque` is the opaque of the new record. The topic's partitioner chooses the partition
    /// anew. A topic that does not accept old timestamps refuses an old message. The tables under
    /// "Sending on" in this crate's documentation have each part and header.
    ///
    /// # Errors
    ///
    /// The producer's error, with the opaque. It marks the span as failed.
    pub fn forward<M: ReceivedRecord>(
        &self,
        message: &M,
        topic: &str,
        opaque: C::DeliveryOpaque,
    ) -> Result<(), (KafkaError, C::DeliveryOpaque)> {
        self.relay(Relay::Forward, message, topic, opaque)
    }

    /// Sends a received message on to a topic with the context that is current at the call, in place of
    /// the one that it came with.
    ///
    /// The new span is linked to the span that the message came from. Key and payload stay. The timestamp
    /// is the time of sending; the header `received-timestamp` has the old one, in milliseconds since
    /// 1970. The tables under "Sending on" in this crate's documentation have each header.
    ///
    /// # Errors
    ///
    /// The same as for [`forward`](Self::forward).
    pub fn republish<M: ReceivedRecord>(
        &self,
        message: &M,
        topic: &str,
        opaque: C::DeliveryOpaque,
    ) -> Result<(), (KafkaError, C::DeliveryOpaque)> {
        self.relay(Relay::Republish, message, topic, opaque)
    }

    /// Puts aside a message that could not be handled, in the given topic. It does what
    /// [`republish`](Self::republish) does, and writes the failure into headers and onto the span.
    ///
    /// The headers are [`DEAD_LETTER_ERROR`](crate::producer::DEAD_LETTER_ERROR),
    /// [`DEAD_LETTER_SOURCE`](crate::producer::DEAD_LETTER_SOURCE) (the message's topic),
    /// [`DEAD_LETTER_TRACEPARENT`](crate::producer::DEAD_LETTER_TRACEPARENT), `dead-letter-partition`,
    /// `dead-letter-offset` and `dead-letter-timestamp`. If a message is put aside again, it gets a new
    /// error and keeps the others. If they would make the record too large, they are left out. If the
    /// broker refuses the letter for its size, send it once more: it then goes without these headers.
    ///
    /// Do not compact the topic: it would refuse a letter without a key, and keep only the newest
    /// of several letters with one key.
    ///
    /// # Errors
    ///
    /// The same as for [`forward`](Self::forward).
    pub fn dead_letter<M: ReceivedRecord>(
        &self,
        message: &M,
        error: &dyn fmt::Display,
        topic: &str,
        opaque: C::DeliveryOpaque,
    ) -> Result<(), (KafkaError, C::DeliveryOpaque)> {
        let letter = relay::dead_letter(message, error);
        self.relay(Relay::DeadLetter(&letter), message, topic, opaque)
    }

    fn relay<M: ReceivedRecord>(
        &self,
        relay: Relay<'_>,
        message: &M,
        topic: &str,
        opaque: C::DeliveryOpaque,
    ) -> Result<(), (KafkaError, C::DeliveryOpaque)> {
        let (outgoing, headers, _) = self.injector.relay(relay, message, topic);
        let record = relayed_record(message, topic, relay, headers, opaque);
        self.enqueue(record, outgoing)
            .map_err(|(error, record, outgoing)| {
                outgoing.fail(&error);
                (error, record.delivery_opaque)
            })
    }

    /// Hands the record over with its span, or gives both back.
    #[expect(
        clippy::result_large_err,
        clippy::type_complexity,
        reason = "rdkafka's own type"
    )]
    fn enqueue<'a, K, V>(
        &self,
        record: BaseRecord<'a, K, V, C::DeliveryOpaque>,
        mut outgoing: OutgoingRecord,
    ) -> Result<
        (),
        (
            KafkaError,
            BaseRecord<'a, K, V, C::DeliveryOpaque>,
            OutgoingRecord,
        ),
    >
    where
        K: ToBytes + ?Sized,
        V: ToBytes + ?Sized,
    {
        outgoing.hand_over();
        let (record, opaque) = replace_opaque(record, ());
        let (record, ()) = replace_opaque(record, Box::new(InFlight { opaque, outgoing }));
        self.inner.enqueue(record).map_err(|(error, record)| {
            let (record, in_flight) = replace_opaque(record, ());
            let InFlight { opaque, outgoing } = *in_flight;
            let (record, ()) = replace_opaque(record, opaque);
            (error, record, outgoing)
        })
    }
}
