//! What stores and commits offsets: a consumer of rdkafka, whatever its type.

use rdkafka::consumer::{CommitMode, Consumer, ConsumerContext};
use rdkafka::error::KafkaResult;
use rdkafka::{Offset, TopicPartitionList};
use std::marker::PhantomData;
use std::sync::Arc;

pub(crate) trait Store: Send + Sync {
    /// Stores the offset of the next message to read.
    fn store(&self, topic: &str, partition: i32, next: i64) -> KafkaResult<()>;

    fn commit(&self, mode: CommitMode) -> KafkaResult<()>;
}

/// A consumer with a context of type `X`.
pub(super) struct OfConsumer<K, X> {
    consumer: Arc<K>,
    context: PhantomData<fn() -> X>,
}

impl<K, X> OfConsumer<K, X> {
    pub(super) fn new(consumer: Arc<K>) -> Self {
        Self {
            consumer,
            context: PhantomData,
        }
    }
}

impl<K, X> Store for OfConsumer<K, X>
where
    K: Consumer<X> + Send + Sync,
    X: ConsumerContext,
{
    fn store(&self, topic: &str, partition: i32, next: i64) -> KafkaResult<()> {
        let mut offsets = TopicPartitionList::with_capacity(1);
        offsets.add_partition_offset(topic, partition, Offset::Offset(next))?;
        self.consumer.store_offsets(&offsets)
    }

    fn commit(&self, mode: CommitMode) -> KafkaResult<()> {
        self.consumer.commit_consumer_state(mode)
    }
}
