//! One partition, from its assignment to its revocation.

use super::mark::Mark;
use super::store::Store;
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::types::RDKafkaErrorCode;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A partition from its assignment to its revocation. If the partition comes back to the consumer, that is
/// another one, so what is left of this one cannot store.
#[derive(Debug)]
pub(crate) struct Partition {
    pub(crate) topic: String,
    pub(crate) number: i32,
    /// `None` once it is revoked.
    mark: Mutex<Option<Mark>>,
}

impl Partition {
    pub(super) fn starting_at(topic: &str, number: i32, offset: i64) -> Self {
        Self {
            topic: topic.to_owned(),
            number,
            mark: Mutex::new(Some(Mark::starting_at(offset))),
        }
    }

    pub(super) fn register(&self, offset: i64) {
        if let Some(mark) = &mut *self.mark() {
            mark.register(offset);
        }
    }

    pub(super) fn revoke(&self) {
        *self.mark() = None;
    }

    /// A message needs no handling any more: stores what may be stored now.
    pub(crate) fn finish(&self, offset: i64, store: &dyn Store) -> KafkaResult<()> {
        // Held while the client stores, so that offsets are stored in their order and none after the
        // revocation. The client only writes it down.
        let mut mark = self.mark();
        let Some(mark) = &mut *mark else {
            return Err(KafkaError::StoreOffset(RDKafkaErrorCode::State));
        };
        mark.finish(offset);
        if let Some(next) = mark.to_store() {
            store.store(&self.topic, self.number, next)?;
            mark.set_stored(next);
        }
        Ok(())
    }

    /// How many messages are to be handled.
    #[cfg(test)]
    pub(super) fn pending(&self) -> usize {
        self.mark().as_ref().map_or(0, Mark::pending)
    }

    fn mark(&self) -> MutexGuard<'_, Option<Mark>> {
        // Nothing leaves it half changed.
        self.mark.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
