//! The context of a consumer for programs that have none of their own.

use crate::offsets::assignment::{Assignment, HasAssignment};
use rdkafka::ClientContext;
use rdkafka::consumer::{BaseConsumer, ConsumerContext, Rebalance};

/// The context of a consumer whose offsets [`Offsets`](crate::Offsets) stores, for programs that have no
/// context of their own. It works as rdkafka's `DefaultConsumerContext`, and forgets the partitions that
/// are revoked.
///
/// It cannot go around your own context, because rdkafka's callbacks name the type of the context. Put an
/// [`Assignment`] into yours instead.
///
/// ```no_run
/// # use otel_messaging_rdkafka::{Offsets, SettlingContext};
/// # use rdkafka::ClientConfig;
/// # use rdkafka::consumer::StreamConsumer;
/// # use rdkafka::error::KafkaResult;
/// # use std::sync::Arc;
/// # fn consume(config: &mut ClientConfig) -> KafkaResult<()> {
/// config.set("enable.auto.offset.store", "false");
/// let consumer: StreamConsumer<_> = config.create_with_context(SettlingContext::default())?;
/// let consumer = Arc::new(consumer);
/// let offsets = Offsets::new(Arc::clone(&consumer))?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Default)]
pub struct SettlingContext {
    assignment: Assignment,
}

impl ClientContext for SettlingContext {}

impl ConsumerContext for SettlingContext {
    fn pre_rebalance(&self, _consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        self.assignment.pre_rebalance(rebalance);
    }
}

impl HasAssignment for SettlingContext {
    fn assignment(&self) -> &Assignment {
        &self.assignment
    }
}
