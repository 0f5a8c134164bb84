//! How far the offset of one partition may be stored.

use std::collections::BTreeSet;

/// The messages of one partition that are still to be handled, and the offset that was stored last. It is
/// as large as there are such messages: what was handled takes no room, in whatever order it was.
///
/// It stores the offset of the first message that is still to be handled. If all are handled, it stores the
/// largest offset plus one, as librdkafka does. No message may have that offset: in compacted topics and after
/// transactions, offsets have gaps.
#[derive(Debug)]
pub(crate) struct Mark {
    pending: BTreeSet<i64>,
    /// The one after the last that was registered.
    next: i64,
    stored: i64,
}

impl Mark {
    /// The partition is read from this message on.
    pub(crate) fn starting_at(offset: i64) -> Self {
        Self {
            pending: BTreeSet::new(),
            next: offset,
            stored: offset,
        }
    }

    /// A message is to be handled, perhaps again.
    pub(crate) fn register(&mut self, offset: i64) {
        self.pending.insert(offset);
        self.next = self.next.max(offset.saturating_add(1));
    }

    /// A message needs no handling any more.
    pub(crate) fn finish(&mut self, offset: i64) {
        self.pending.remove(&offset);
    }

    /// The offset to store, if it is further than the one before. All messages before it are finished.
    pub(crate) fn to_store(&self) -> Option<i64> {
        let low = self.pending.first().copied().unwrap_or(self.next);
        (low > self.stored).then_some(low)
    }

    /// The client has stored an offset of [`to_store`](Self::to_store).
    pub(crate) fn set_stored(&mut self, offset: i64) {
        self.stored = offset;
    }

    #[cfg(test)]
    pub(super) fn pending(&self) -> usize {
        self.pending.len()
    }
}
