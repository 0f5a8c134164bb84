//! rdkafka's producers that queue a record and answer in a callback.

use crate::received::ReceivedRecord;
use crate::relay;
use otel_messaging::adapter::Relay;
use rdkafka::client::Client;
use rdkafka::error::KafkaError;
use rdkafka::message::{OwnedHeaders, ToBytes};
use rdkafka::producer::{
    BaseProducer, BaseRecord, Partitioner, Producer, ProducerContext, ThreadedProducer,
};
use rdkafka::util::{IntoOpaque, Timeout};

/// A producer that queues a record and reports its delivery in its context's callback: a
/// [`BaseProducer`] or a [`ThreadedProducer`], or a reference to one. The trait is sealed.
#[diagnostic::on_unimplemented(
    message = "`UntilQueuedProducer` of otel-messaging-rdkafka cannot wrap `{Self}`",
    note = "it wraps a `BaseProducer` or a `ThreadedProducer`; `InjectingProducer` wraps a \
            `FutureProducer`"
)]
pub trait RecordQueue: Queue {}

/// The opaque that a queue's context takes.
pub(crate) type OpaqueOf<Q> =
    <<Q as Queue>::Context as ProducerContext<<Q as Queue>::Partitioner>>::DeliveryOpaque;

/// What both have, under names of its own, so that no caller picks these by accident.
pub trait Queue {
    type Context: ProducerContext<Self::Partitioner>;
    type Partitioner: Partitioner;

    fn client_of(&self) -> &Client<Self::Context>;

    #[expect(
        clippy::result_large_err,
        clippy::type_complexity,
        reason = "rdkafka's own signature"
    )]
    fn enqueue<'a, K, V>(
        &self,
        record: BaseRecord<'a, K, V, OpaqueOf<Self>>,
    ) -> Result<(), (KafkaError, BaseRecord<'a, K, V, OpaqueOf<Self>>)>
    where
        K: ToBytes + ?Sized,
        V: ToBytes + ?Sized;

    fn serve(&self, timeout: Timeout);
}

/// The record with another opaque, and the one that it had.
pub(crate) fn replace_opaque<'a, K, V, A, B>(
    record: BaseRecord<'a, K, V, A>,
    opaque: B,
) -> (BaseRecord<'a, K, V, B>, A)
where
    K: ToBytes + ?Sized,
    V: ToBytes + ?Sized,
    A: IntoOpaque,
    B: IntoOpaque,
{
    let replaced = BaseRecord {
        topic: record.topic,
        partition: record.partition,
        payload: record.payload,
        key: record.key,
        timestamp: record.timestamp,
        headers: record.headers,
        delivery_opaque: opaque,
    };
    (replaced, record.delivery_opaque)
}

/// The record with which a received message is queued for another topic.
pub(crate) fn relayed_record<'a, M: ReceivedRecord, O: IntoOpaque>(
    message: &'a M,
    topic: &'a str,
    relay: Relay<'_>,
    headers: Option<OwnedHeaders>,
    delivery_opaque: O,
) -> BaseRecord<'a, [u8], [u8], O> {
    BaseRecord {
        topic,
        partition: None,
        payload: message.payload(),
        key: message.key(),
        timestamp: relay::timestamp(message, relay),
        headers,
        delivery_opaque,
    }
}

/// For a batch, which borrows the producer: not all of them can be cloned.
impl<Q: RecordQueue> RecordQueue for &Q {}

impl<Q: Queue> Queue for &Q {
    type Context = Q::Context;
    type Partitioner = Q::Partitioner;

    fn client_of(&self) -> &Client<Self::Context> {
        (**self).client_of()
    }

    fn enqueue<'a, K, V>(
        &self,
        record: BaseRecord<'a, K, V, OpaqueOf<Self>>,
    ) -> Result<(), (KafkaError, BaseRecord<'a, K, V, OpaqueOf<Self>>)>
    where
        K: ToBytes + ?Sized,
        V: ToBytes + ?Sized,
    {
        (**self).enqueue(record)
    }

    fn serve(&self, timeout: Timeout) {
        (**self).serve(timeout);
    }
}

impl<C, Part> RecordQueue for BaseProducer<C, Part>
where
    C: ProducerContext<Part>,
    Part: Partitioner,
{
}

impl<C, Part> Queue for BaseProducer<C, Part>
where
    C: ProducerContext<Part>,
    Part: Partitioner,
{
    type Context = C;
    type Partitioner = Part;

    fn client_of(&self) -> &Client<C> {
        self.client()
    }

    fn enqueue<'a, K, V>(
        &self,
        record: BaseRecord<'a, K, V, C::DeliveryOpaque>,
    ) -> Result<(), (KafkaError, BaseRecord<'a, K, V, C::DeliveryOpaque>)>
    where
        K: ToBytes + ?Sized,
        V: ToBytes + ?Sized,
    {
        self.send(record)
    }

    fn serve(&self, timeout: Timeout) {
        self.poll(timeout);
    }
}

impl<C, Part> RecordQueue for ThreadedProducer<C, Part>
where
    C: ProducerContext<Part> + 'static,
    Part: Partitioner,
{
}

impl<C, Part> Queue for ThreadedProducer<C, Part>
where
    C: ProducerContext<Part> + 'static,
    Part: Partitioner,
{
    type Context = C;
    type Partitioner = Part;

    fn client_of(&self) -> &Client<C> {
        self.client()
    }

    fn enqueue<'a, K, V>(
        &self,
        record: BaseRecord<'a, K, V, C::DeliveryOpaque>,
    ) -> Result<(), (KafkaError, BaseRecord<'a, K, V, C::DeliveryOpaque>)>
    where
        K: ToBytes + ?Sized,
        V: ToBytes + ?Sized,
    {
        self.send(record)
    }

    fn serve(&self, timeout: Timeout) {
        self.poll(timeout);
    }
}
