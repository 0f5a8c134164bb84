//! The partitions that a consumer has.

use super::partition::Partition;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{ConsumerContext, Rebalance};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

type Topics = HashMap<String, HashMap<i32, Arc<Partition>>>;

/// The partitions that a consumer has, and which of their messages are still to be handled.
///
/// A [`SettlingContext`](crate::SettlingContext) has one. If your consumer has a context of its own, keep one
/// in it, say so with [`HasAssignment`], and call [`pre_rebalance`](Self::pre_rebalance):
///
/// ```
/// use otel_messaging_rdkafka::{Assignment, HasAssignment};
/// use rdkafka::ClientContext;
/// use rdkafka::consumer::{BaseConsumer, ConsumerContext, Rebalance};
///
/// #[derive(Default)]
/// struct Context {
///     assignment: Assignment,
/// }
///
/// impl ClientContext for Context {}
///
/// impl ConsumerContext for Context {
///     fn pre_rebalance(&self, _consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
///         self.assignment.pre_rebalance(rebalance); // <- and your own
///     }
/// }
///
/// impl HasAssignment for Context {
///     fn assignment(&self) -> &Assignment {
///         &self.assignment
///     }
/// }
/// ```
///
/// It is of one consumer. It is as large as there are messages that were neither handled nor skipped.
#[derive(Default)]
pub struct Assignment {
    // A lock for reading on the way of a message; each partition has one of its own.
    topics: Arc<RwLock<Topics>>,
}

/// The context of a consumer whose offsets [`Offsets`](crate::Offsets) stores.
#[diagnostic::on_unimplemented(
    message = "the consumer's context `{Self}` has no `Assignment`",
    note = "make the consumer with `config.create_with_context(SettlingContext::default())`, or implement \
            `HasAssignment` for your own context"
)]
pub trait HasAssignment: ConsumerContext {
    /// The same one at each call. Only one consumer has it.
    fn assignment(&self) -> &Assignment;
}

impl Assignment {
    /// Forgets the partitions that are revoked. Call it in
    /// [`ConsumerContext::pre_rebalance`](rdkafka::consumer::ConsumerContext::pre_rebalance), before librdkafka
    /// gives the partitions away.
    ///
    /// A message that came before the revocation then stores nothing, also if its partition is back: its
    /// settlement returns `KafkaError::StoreOffset(RDKafkaErrorCode::State)`, as the client's own call does for
    /// a partition that the consumer does not have. What was stored before is committed by librdkafka, if
    /// `enable.auto.commit` is on.
    ///
    /// There is no callback for `assign` and `unassign`. If your program calls them to read a partition from
    /// another offset, call this with a [`Rebalance::Revoke`] of the partition before.
    pub fn pre_rebalance(&self, rebalance: &Rebalance<'_>) {
        match rebalance {
            // A partition that comes begins anew, also if a message of before was registered too late.
            Rebalance::Revoke(partitions) | Rebalance::Assign(partitions) => {
                self.forget(partitions);
            }
            // rdkafka then unassigns.
            Rebalance::Error(_) => self.forget_all(),
        }
    }

    /// A message of this offset is to be handled.
    pub(super) fn register(&self, topic: &str, number: i32, offset: i64) -> Arc<Partition> {
        let known = self.known(topic, number);
        let partition = known.unwrap_or_else(|| self.starting_at(topic, number, offset));
        partition.register(offset);
        partition
    }

    fn known(&self, topic: &str, number: i32) -> Option<Arc<Partition>> {
        let topics = self.topics.read().unwrap_or_else(PoisonError::into_inner);
        topics.get(topic)?.get(&number).cloned()
    }

    fn starting_at(&self, topic: &str, number: i32, offset: i64) -> Arc<Partition> {
        let mut topics = self.topics.write().unwrap_or_else(PoisonError::into_inner);
        let partitions = topics.entry(topic.to_owned()).or_default();
        let partition = partitions
            .entry(number)
            .or_insert_with(|| Arc::new(Partition::starting_at(topic, number, offset)));
        Arc::clone(partition)
    }

    fn forget(&self, list: &TopicPartitionList) {
        let mut topics = self.topics.write().unwrap_or_else(PoisonError::into_inner);
        for element in list.elements() {
            let Some(partitions) = topics.get_mut(element.topic()) else {
                continue;
            };
            if let Some(partition) = partitions.remove(&element.partition()) {
                partition.revoke();
            }
            if partitions.is_empty() {
                topics.remove(element.topic());
            }
        }
    }

    fn forget_all(&self) {
        let mut topics = self.topics.write().unwrap_or_else(PoisonError::into_inner);
        for partition in topics.values().flat_map(HashMap::values) {
            partition.revoke();
        }
        topics.clear();
    }

    /// The name of the topic, if there is only one.
    pub(super) fn only_topic(&self) -> Option<String> {
        let topics = self.topics.read().unwrap_or_else(PoisonError::into_inner);
        let mut names = topics.keys();
        names.next().filter(|_| topics.len() == 1).cloned()
    }

    /// For what outlives the borrow of the context.
    pub(super) fn shared(&self) -> Self {
        Self {
            topics: Arc::clone(&self.topics),
        }
    }
}

impl fmt::Debug for Assignment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Assignment").finish_non_exhaustive()
    }
}
