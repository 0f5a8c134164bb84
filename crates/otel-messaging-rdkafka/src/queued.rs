//! The calls of a `BaseProducer` and of a `ThreadedProducer`.

use crate::context::{InFlight, InjectingContext};
use crate::injection::{Outgoing, Sent};
use crate::onward::ReceivedRecord;
use crate::producer::InjectingProducer;
use crate::queue::{RecordQueue, replace_opaque};
use crate::relay::{self, Way};
use rdkafka::error::KafkaError;
use rdkafka::message::ToBytes;
use rdkafka::producer::{BaseRecord, Partitioner, ProducerContext};
use rdkafka::util::Timeout;
use std::fmt;

/// Of a [`BaseProducer`](rdkafka::producer::BaseProducer) or a
/// [`ThreadedProducer`](rdkafka::producer::ThreadedProducer) made with an [`InjectingContext`].
/// For one without, there is [`EnqueuingProducer`](crate::EnqueuingProducer).
impl<Q, C, Part> InjectingProducer<Q>
where
    Q: RecordQueue<Context = InjectingContext<C>, Partitioner = Part>,
    C: ProducerContext<Part>,
    Part: Partitioner,
{
    /// Queues a record as the producer's own `send` does, with the context that is current at the
    /// call in the record's headers.
    ///
    /// The span `send {topic}` ends in the delivery callback, just before your context's, and then
    /// has partition and offset. Headers of the caller stay as they are, but for the propagator's
    /// own fields, which are replaced.
    ///
    /// # Errors
    ///
    /// Those of the producer, unchanged; the span is then marked as failed. The record in the
    /// error is as the caller gave it, so sending it again injects anew.
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
        let outgoing = Outgoing::new(record.topic, record.partition, record.key, record.payload);
        let client = self.inner.client_of();
        let (sent, given) = self.injection.send(client, outgoing, &mut record.headers);
        match self.enqueue(record, sent) {
            Ok(()) => Ok(()),
            Err((error, mut record, sent)) => {
                sent.give_back(&error, given, &mut record.headers);
                Err((error, record))
            }
        }
    }

    /// Polls the producer, which calls the delivery callback; see
    /// [`BaseProducer::poll`](rdkafka::producer::BaseProducer::poll).
    pub fn poll<T: Into<Timeout>>(&self, timeout: T) {
        self.inner.serve(timeout.into());
    }

    /// Sends a received message on to a topic as it is: key, payload, timestamp and headers, its
    /// context among them. The span of this sending is linked to the message's sender, which stays
    /// the parent of whoever handles the message.
    ///
    /// A message without a context, or with one that cannot be read, gets one as in
    /// [`send`](Self::send). A context in JSON quotes goes on without them, because readers in other
    /// languages do not take them off. `opaque` is the record's. The topic's partitioner chooses the
    /// partition anew. A topic that takes no old timestamps refuses an old message. The tables under
    /// "Sending on" in this crate's documentation say what becomes of each part and header.
    ///
    /// # Errors
    ///
    /// Those of the producer, with the opaque; the span is then marked as failed.
    pub fn forward<M: ReceivedRecord>(
        &self,
        message: &M,
        topic: &str,
        opaque: C::DeliveryOpaque,
    ) -> Result<(), (KafkaError, C::DeliveryOpaque)> {
        self.send_on(message, topic, Way::Forward, opaque)
    }

    /// Sends a received message on to a topic with the context that is current at the call in
    /// place of the one that it came with, to whose span the new one is linked. Key and payload
    /// stay. The timestamp is that of sending; the header `received-timestamp` has the old one, in
    /// milliseconds since 1970. The tables under "Sending on" in this crate's documentation say
    /// what becomes of each header.
    ///
    /// # Errors
    ///
    /// As of [`forward`](Self::forward).
    pub fn republish<M: ReceivedRecord>(
        &self,
        message: &M,
        topic: &str,
        opaque: C::DeliveryOpaque,
    ) -> Result<(), (KafkaError, C::DeliveryOpaque)> {
        self.send_on(message, topic, Way::Republish, opaque)
    }

    /// Puts a message that could not be handled aside, in the given topic: as
    /// [`republish`](Self::republish), with the failure in headers and on the span.
    ///
    /// The headers are [`DEAD_LETTER_ERROR`](crate::DEAD_LETTER_ERROR),
    /// [`DEAD_LETTER_SOURCE`](crate::DEAD_LETTER_SOURCE) (the message's topic),
    /// [`DEAD_LETTER_TRACEPARENT`](crate::DEAD_LETTER_TRACEPARENT), `dead-letter-partition`,
    /// `dead-letter-offset` and `dead-letter-timestamp`; but for the error, a message that is put
    /// aside once more keeps those of the first time. They are left out where they would make the
    /// record too large.
    ///
    /// Do not compact the topic: it would refuse a letter without a key, and keep only the newest
    /// of several letters with one key.
    ///
    /// # Errors
    ///
    /// As of [`forward`](Self::forward).
    pub fn dead_letter<M: ReceivedRecord>(
        &self,
        message: &M,
        error: &dyn fmt::Display,
        topic: &str,
        opaque: C::DeliveryOpaque,
    ) -> Result<(), (KafkaError, C::DeliveryOpaque)> {
        self.send_on(message, topic, Way::DeadLetter(error), opaque)
    }

    fn send_on<M: ReceivedRecord>(
        &self,
        message: &M,
        topic: &str,
        way: Way<'_>,
        opaque: C::DeliveryOpaque,
    ) -> Result<(), (KafkaError, C::DeliveryOpaque)> {
        let client = self.inner.client_of();
        let (sent, headers) = self.injection.send_on(client, message, topic, way);
        let record = relay::record(message, topic, way, headers, opaque);
        match self.enqueue(record, sent) {
            Ok(()) => Ok(()),
            Err((error, record, sent)) => {
                sent.fail(&error);
                Err((error, record.delivery_opaque))
            }
        }
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
        sent: Sent,
    ) -> Result<(), (KafkaError, BaseRecord<'a, K, V, C::DeliveryOpaque>, Sent)>
    where
        K: ToBytes + ?Sized,
        V: ToBytes + ?Sized,
    {
        let (record, opaque) = replace_opaque(record, ());
        let (record, ()) = replace_opaque(record, Box::new(InFlight { opaque, sent }));
        self.inner.enqueue(record).map_err(|(error, record)| {
            let (record, in_flight) = replace_opaque(record, ());
            let InFlight { opaque, sent } = *in_flight;
            let (record, ()) = replace_opaque(record, opaque);
            (error, record, sent)
        })
    }
}
