//! The wrapper whose spans end when the record is queued.

use crate::received::ReceivedRecord;
use crate::record::{Injector, Record};
use crate::record_queue::{RecordQueue, relayed_record};
use crate::relay;
use otel_messaging::Instrumentation;
use otel_messaging::adapter::Relay;
use rdkafka::client::Client;
use rdkafka::consumer::ConsumerGroupMetadata;
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::ToBytes;
use rdkafka::producer::{BaseRecord, Partitioner, Producer, ProducerContext, PurgeConfig};
use rdkafka::topic_partition_list::TopicPartitionList;
use rdkafka::util::Timeout;
use std::fmt;

/// A producer whose records carry the context that is current at the call, and whose spans end when the
/// record is queued.
///
/// It wraps a [`BaseProducer`](rdkafka::producer::BaseProducer) or
/// [`ThreadedProducer`](rdkafka::producer::ThreadedProducer) that was made without an
/// [`InjectingContext`](crate::InjectingContext). Its spans have neither partition nor offset, and do not
/// show whether the broker took the record. If you make the producer yourself, make it with an
/// `InjectingContext` and wrap it in an [`InjectingProducer`](crate::InjectingProducer), whose spans end
/// with the delivery.
///
/// ```no_run
/// # use otel_messaging_rdkafka::UntilQueuedProducer;
/// # use rdkafka::error::KafkaError;
/// # use rdkafka::producer::{BaseProducer, BaseRecord};
/// # fn send(producer: BaseProducer) -> Result<(), KafkaError> {
/// let producer = UntilQueuedProducer::new(producer);
/// let record = BaseRecord::to("orders").key("7").payload("order 7");
/// producer.send(record).map_err(|(error, _record)| error)?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct UntilQueuedProducer<P: RecordQueue> {
    inner: P,
    injector: Injector,
}

impl<P: RecordQueue> UntilQueuedProducer<P> {
    /// Wraps a producer; its records go out by [`Instrumentation::global`]. This reads the producer's
    /// `message.max.bytes`, and for spans and metrics its `client.id` and the broker in
    /// `bootstrap.servers`, if it is the only one.
    #[must_use]
    pub fn new(inner: P) -> Self {
        let injector = Injector::of(inner.client_of());
        Self { inner, injector }
    }

    /// Sends by this instrumentation, in place of the global one. By
    /// [`Instrumentation::disabled`], the wrapper sends as the bare producer does.
    #[must_use]
    pub fn with_instrumentation(mut self, instrumentation: Instrumentation) -> Self {
        self.injector.sender.set_instrumentation(instrumentation);
        self
    }

    /// The wrapped producer. A record that is sent on it directly carries no context.
    pub fn get_ref(&self) -> &P {
        &self.inner
    }

    /// Gives the wrapped producer back.
    pub fn into_inner(self) -> P {
        self.inner
    }
}

impl<Q, C, Part> UntilQueuedProducer<Q>
where
    Q: RecordQueue<Context = C, Partitioner = Part>,
    C: ProducerContext<Part>,
    Part: Partitioner,
{
    /// Queues a record as the producer's own `send` does, with the current context in its headers.
    ///
    /// The context is the one that is current at the call. The span `send {topic}` ends when the record
    /// is queued. The wrapper replaces the propagator's own fields in the caller's headers; the others
    /// stay as they are.
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
        let (mut outgoing, given) = self.injector.inject(described, &mut record.headers, false);
        outgoing.hand_over();
        self.inner.enqueue(record).map_err(|(error, mut record)| {
            outgoing.give_back(&error, given, &mut record.headers);
            (error, record)
        })
    }

    /// Starts a batch: the records that you send by the returned handle are sent together.
    ///
    /// Each record has a span `create {topic}`, a child of the context that is current at the call. Its
    /// context goes in the record. One span `send {topic}`, of kind CLIENT, stands for the sending of all.
    /// It is a child of the context that is current now, has a link to each create span, and ends with the
    /// handle. "Batches" in this crate's documentation has the details.
    ///
    /// The handle borrows the producer, because not all of these producers can be cloned. Flush the
    /// producer itself.
    #[must_use = "the records that it sends are the batch"]
    pub fn batch(&self) -> UntilQueuedProducer<&Q> {
        UntilQueuedProducer {
            inner: &self.inner,
            injector: self.injector.batch(),
        }
    }

    /// Polls the producer; see [`BaseProducer::poll`](rdkafka::producer::BaseProducer::poll).
    pub fn poll<T: Into<Timeout>>(&self, timeout: T) {
        self.inner.serve(timeout.into());
    }

    /// Sends a received message on to a topic with the context that it came with; see
    /// [`InjectingProducer::forward`](crate::InjectingProducer::forward).
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
    /// the one that it came with; see
    /// [`InjectingProducer::republish`](crate::InjectingProducer::republish).
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

    /// Puts aside a message that could not be handled, in the given topic, and writes the failure into
    /// headers and onto the span; see
    /// [`InjectingProducer::dead_letter`](crate::InjectingProducer::dead_letter).
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
        let (mut outgoing, headers, _) = self.injector.relay(relay, message, topic);
        let record = relayed_record(message, topic, relay, headers, opaque);
        outgoing.hand_over();
        self.inner.enqueue(record).map_err(|(error, record)| {
            outgoing.fail(&error);
            (error, record.delivery_opaque)
        })
    }
}

impl<P, C, Part> Producer<C, Part> for UntilQueuedProducer<P>
where
    P: Producer<C, Part> + RecordQueue,
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
