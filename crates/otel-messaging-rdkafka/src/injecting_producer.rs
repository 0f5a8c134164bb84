//! The wrapper that injects, and what it can wrap.

use crate::injecting_context::InjectingContext;
use crate::record::Injector;
use crate::record_queue::RecordQueue;
use otel_messaging::Instrumentation;
use rdkafka::ClientContext;
use rdkafka::client::Client;
use rdkafka::consumer::ConsumerGroupMetadata;
use rdkafka::error::KafkaResult;
use rdkafka::producer::{
    BaseProducer, FutureProducer, Partitioner, Producer, ProducerContext, PurgeConfig,
    ThreadedProducer,
};
use rdkafka::topic_partition_list::TopicPartitionList;
use rdkafka::util::{AsyncRuntime, Timeout};

/// A producer whose records carry the context that is current at the call.
///
/// It wraps a [`FutureProducer`], or a [`BaseProducer`] or [`ThreadedProducer`] that was made with an
/// [`InjectingContext`]. It has the sending methods of the producer that it wraps, with the same names
/// and arguments, and implements rdkafka's [`Producer`] trait (flush, purge, transactions). It does not
/// implement `Deref`, through which a record could be sent without its context.
///
/// ```no_run
/// # use otel_messaging_rdkafka::InjectingProducer;
/// # use rdkafka::error::KafkaError;
/// # use rdkafka::producer::{FutureProducer, FutureRecord};
/// # use std::time::Duration;
/// # async fn send(producer: FutureProducer) -> Result<(), KafkaError> {
/// let producer = InjectingProducer::new(producer);
/// let record = FutureRecord::to("orders").key("7").payload("order 7");
/// producer
///     .send(record, Duration::from_secs(5))
///     .await
///     .map_err(|(error, _record)| error)?;
/// # Ok(())
/// # }
/// ```
///
/// Only rdkafka's producers can be wrapped:
///
/// ```compile_fail,E0277
/// // `InjectingProducer` of otel-messaging-rdkafka cannot wrap `{integer}`
/// otel_messaging_rdkafka::InjectingProducer::new(42);
/// ```
#[derive(Debug, Clone)]
pub struct InjectingProducer<P: Wrapped> {
    pub(crate) inner: P,
    pub(crate) injector: Injector,
}

/// A producer that an [`InjectingProducer`] can wrap: a [`FutureProducer`], or a [`BaseProducer`] or
/// [`ThreadedProducer`] that was made with an [`InjectingContext`], or a reference to one of these two, as
/// `batch` makes it. The trait is sealed.
#[diagnostic::on_unimplemented(
    message = "`InjectingProducer` of otel-messaging-rdkafka cannot wrap `{Self}`",
    note = "it wraps a `FutureProducer`, or a `BaseProducer` or `ThreadedProducer` that was made with \
            an `InjectingContext`; `UntilQueuedProducer` wraps one that was made without"
)]
pub trait Wrapped: Configured {}

pub trait Configured {
    /// What gives its records their spans and contexts, by its configuration.
    fn injector(&self) -> Injector;
}

impl<C, R> Wrapped for FutureProducer<C, R>
where
    C: ClientContext + 'static,
    R: AsyncRuntime,
{
}

impl<C, R> Configured for FutureProducer<C, R>
where
    C: ClientContext + 'static,
    R: AsyncRuntime,
{
    fn injector(&self) -> Injector {
        Injector::of(self.client()).repeating(self.client())
    }
}

impl<C, Part> Wrapped for BaseProducer<InjectingContext<C>, Part>
where
    C: ProducerContext<Part>,
    Part: Partitioner,
{
}

impl<C, Part> Configured for BaseProducer<InjectingContext<C>, Part>
where
    C: ProducerContext<Part>,
    Part: Partitioner,
{
    fn injector(&self) -> Injector {
        Injector::of(self.client()).learning_in(&self.client().context().refused)
    }
}

impl<C, Part> Wrapped for ThreadedProducer<InjectingContext<C>, Part>
where
    C: ProducerContext<Part> + 'static,
    Part: Partitioner,
{
}

impl<C, Part> Configured for ThreadedProducer<InjectingContext<C>, Part>
where
    C: ProducerContext<Part> + 'static,
    Part: Partitioner,
{
    fn injector(&self) -> Injector {
        Injector::of(self.client()).learning_in(&self.client().context().refused)
    }
}

/// For a batch, which borrows the producer.
impl<Q: RecordQueue + Wrapped> Wrapped for &Q {}

impl<Q: RecordQueue + Wrapped> Configured for &Q {
    fn injector(&self) -> Injector {
        (**self).injector()
    }
}

impl<P: Wrapped> InjectingProducer<P> {
    /// Wraps a producer; its records go out by [`Instrumentation::global`].
    ///
    /// This reads the producer's `message.max.bytes`, and for spans and metrics its `client.id` and the
    /// broker in `bootstrap.servers`, if it is the only one. Pass the producer itself and not a reference. If
    /// you need it elsewhere too, clone it if its type can be cloned.
    #[must_use]
    pub fn new(inner: P) -> Self {
        let injector = inner.injector();
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

impl<P, C, Part> Producer<C, Part> for InjectingProducer<P>
where
    P: Producer<C, Part> + Wrapped,
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
