//! The producer that injects and knows of no delivery.

use crate::injection::{Injection, Outgoing};
use crate::onward::ReceivedRecord;
use crate::queue::RecordQueue;
use crate::relay::{self, Way};
use otel_messaging::Instrumentation;
use rdkafka::client::Client;
use rdkafka::consumer::ConsumerGroupMetadata;
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::ToBytes;
use rdkafka::producer::{BaseRecord, Partitioner, Producer, ProducerContext, PurgeConfig};
use rdkafka::topic_partition_list::TopicPartitionList;
use rdkafka::util::Timeout;
use std::fmt;

/// A [`BaseProducer`](rdkafka::producer::BaseProducer) or
/// [`ThreadedProducer`](rdkafka::producer::ThreadedProducer) with a context of yours alone, whose
/// records carry the context that is current at the call.
///
/// The span of a record ends when it is queued: it knows neither partition and offset nor whether
/// the broker has the record. Where you make the producer yourself, make it with an
/// [`InjectingContext`](crate::InjectingContext) and wrap it in an
/// [`InjectingProducer`](crate::InjectingProducer), whose spans end with the delivery.
///
/// ```no_run
/// # use otel_messaging_rdkafka::EnqueuingProducer;
/// # use rdkafka::error::KafkaError;
/// # use rdkafka::producer::{BaseProducer, BaseRecord};
/// # fn send(producer: BaseProducer) -> Result<(), KafkaError> {
/// let producer = EnqueuingProducer::new(producer);
/// let record = BaseRecord::to("orders").key("7").payload("order 7");
/// producer.send(record).map_err(|(error, _record)| error)?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct EnqueuingProducer<P> {
    inner: P,
    injection: Injection,
}

impl<P> EnqueuingProducer<P> {
    /// Wraps a producer; its records go out by [`Instrumentation::global`].
    #[must_use]
    pub fn new(inner: P) -> Self {
        Self {
            inner,
            injection: Injection::default(),
        }
    }

    /// Sends by this instrumentation, in place of the global one.
    #[must_use]
    pub fn with_instrumentation(mut self, instrumentation: Instrumentation) -> Self {
        self.injection.by = Some(instrumentation);
        self
    }

    /// The wrapped producer. What is sent on it directly carries no context.
    pub fn get_ref(&self) -> &P {
        &self.inner
    }

    /// Gives the wrapped producer back.
    pub fn into_inner(self) -> P {
        self.inner
    }
}

impl<Q, C, Part> EnqueuingProducer<Q>
where
    Q: RecordQueue<Context = C, Partitioner = Part>,
    C: ProducerContext<Part>,
    Part: Partitioner,
{
    /// Queues a record as the producer's own `send` does, with the context that is current at the
    /// call in the record's headers.
    ///
    /// The span `send {topic}` ends when the record is queued. Headers of the caller stay as they
    /// are, but for the propagator's own fields, which are replaced.
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
        self.inner.enqueue(record).map_err(|(error, mut record)| {
            sent.give_back(&error, given, &mut record.headers);
            (error, record)
        })
    }

    /// Polls the producer; see [`BaseProducer::poll`](rdkafka::producer::BaseProducer::poll).
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
    /// place of the one that it came with; see
    /// [`InjectingProducer::republish`](crate::InjectingProducer::republish).
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

    /// Puts a message that could not be handled aside, in the given topic, with the failure in
    /// headers and on the span; see
    /// [`InjectingProducer::dead_letter`](crate::InjectingProducer::dead_letter).
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
        self.inner.enqueue(record).map_err(|(error, record)| {
            sent.fail(&error);
            (error, record.delivery_opaque)
        })
    }
}

impl<P, C, Part> Producer<C, Part> for EnqueuingProducer<P>
where
    P: Producer<C, Part>,
    C: ProducerContext<Part>,
    Part: Partitioner,
{
    fn client(&self) -> &Client<C> {
        self.inner.client()
    }

    fn in_flight_count(&self) -> i32 {
        self.inner.in_flight_count()
    }

    fn flush<T: Into<Timeout>>(&self, timeout: T) -> KafkaResult<()> {
        self.inner.flush(timeout)
    }

    fn purge(&self, flags: PurgeConfig) {
        self.inner.purge(flags);
    }

    fn init_transactions<T: Into<Timeout>>(&self, timeout: T) -> KafkaResult<()> {
        self.inner.init_transactions(timeout)
    }

    fn begin_transaction(&self) -> KafkaResult<()> {
        self.inner.begin_transaction()
    }

    fn send_offsets_to_transaction<T: Into<Timeout>>(
        &self,
        offsets: &TopicPartitionList,
        cgm: &ConsumerGroupMetadata,
        timeout: T,
    ) -> KafkaResult<()> {
        self.inner
            .send_offsets_to_transaction(offsets, cgm, timeout)
    }

    fn commit_transaction<T: Into<Timeout>>(&self, timeout: T) -> KafkaResult<()> {
        self.inner.commit_transaction(timeout)
    }

    fn abort_transaction<T: Into<Timeout>>(&self, timeout: T) -> KafkaResult<()> {
        self.inner.abort_transaction(timeout)
    }
}
