//! The producer that injects.

use crate::injection::Injection;
use otel_messaging::Instrumentation;
use rdkafka::client::Client;
use rdkafka::consumer::ConsumerGroupMetadata;
use rdkafka::error::KafkaResult;
use rdkafka::producer::{Partitioner, Producer, ProducerContext, PurgeConfig};
use rdkafka::topic_partition_list::TopicPartitionList;
use rdkafka::util::Timeout;

/// A producer whose records carry the context that is current at the call: around a
/// [`FutureProducer`](rdkafka::producer::FutureProducer), or around a
/// [`BaseProducer`](rdkafka::producer::BaseProducer) or
/// [`ThreadedProducer`](rdkafka::producer::ThreadedProducer) that was made with an
/// [`InjectingContext`](crate::InjectingContext).
///
/// It has the producer's sending methods, with the same names and arguments, and implements
/// rdkafka's [`Producer`] trait (flush, purge, transactions). There is no `Deref`: it would let a
/// record pass uninjected without a word.
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
#[derive(Debug, Clone)]
pub struct InjectingProducer<P> {
    pub(crate) inner: P,
    pub(crate) injection: Injection,
}

impl<P> InjectingProducer<P> {
    /// Wraps a producer; its records go out by [`Instrumentation::global`].
    ///
    /// Wrap the client's own value, which is cheap to clone where it can be, and not a reference
    /// to it.
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

impl<P, C, Part> Producer<C, Part> for InjectingProducer<P>
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
