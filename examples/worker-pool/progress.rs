//! Which orders count as done: what may be committed.

use std::collections::BTreeMap;

/// Where a message is in its topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    pub(crate) partition: i32,
    pub(crate) offset: i64,
}

/// The orders in work. Kafka keeps one offset for each partition: all before it is done. So an order
/// that is done waits here for those before it, which may take longer.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// By partition and offset: how many parcels are not on an acknowledged pallet yet.
    partitions: BTreeMap<i32, BTreeMap<i64, usize>>,
}

impl Progress {
    /// An order was taken, with so many parcels to be loaded; in each partition in order.
    ///
    /// Gives the position up to which all is done, if that is new: an order may have no parcel.
    pub(crate) fn begin(&mut self, order: Position, parcels: usize) -> Option<Position> {
        let orders = self.partitions.entry(order.partition).or_default();
        // Taken once more, after the partition was given to another and back.
        *orders.entry(order.offset).or_default() += parcels;
        self.advance(order.partition)
    }

    /// A parcel of the order is on a pallet that the broker has acknowledged.
    ///
    /// Gives the position up to which all is done, if that is new.
    pub(crate) fn loaded(&mut self, order: Position) -> Option<Position> {
        let orders = self.partitions.get_mut(&order.partition)?;
        let parcels = orders.get_mut(&order.offset)?;
        *parcels = parcels.saturating_sub(1);
        self.advance(order.partition)
    }

    fn advance(&mut self, partition: i32) -> Option<Position> {
        let orders = self.partitions.get_mut(&partition)?;
        let mut done = None;
        while let Some(first) = orders.first_entry().filter(|first| *first.get() == 0) {
            done = Some(first.remove_entry().0);
        }
        let offset = done?;
        Some(Position { partition, offset })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(partition: i32, offset: i64) -> Position {
        Position { partition, offset }
    }

    #[test]
    fn an_order_is_done_with_its_last_parcel() {
        let mut progress = Progress::default();
        assert_eq!(progress.begin(at(0, 4), 2), None);
        assert_eq!(progress.loaded(at(0, 4)), None);
        assert_eq!(progress.loaded(at(0, 4)), Some(at(0, 4)));
    }

    #[test]
    fn what_is_done_waits_for_what_was_before() {
        let mut progress = Progress::default();
        for offset in 0..4 {
            assert_eq!(progress.begin(at(0, offset), 1), None);
        }
        assert_eq!(progress.loaded(at(0, 1)), None);
        assert_eq!(progress.loaded(at(0, 2)), None);
        assert_eq!(progress.loaded(at(0, 0)), Some(at(0, 2)));
        assert_eq!(progress.loaded(at(0, 3)), Some(at(0, 3)));
    }

    /// As left by compaction and transactions.
    #[test]
    fn offsets_may_have_gaps() {
        let mut progress = Progress::default();
        progress.begin(at(0, 10), 1);
        progress.begin(at(0, 17), 1);
        assert_eq!(progress.loaded(at(0, 17)), None);
        assert_eq!(progress.loaded(at(0, 10)), Some(at(0, 17)));
    }

    #[test]
    fn an_order_without_parcels_is_done_when_its_turn_comes() {
        let mut progress = Progress::default();
        assert_eq!(progress.begin(at(0, 0), 0), Some(at(0, 0)));
        assert_eq!(progress.begin(at(0, 1), 1), None);
        assert_eq!(progress.begin(at(0, 2), 0), None);
        assert_eq!(progress.loaded(at(0, 1)), Some(at(0, 2)));
    }

    #[test]
    fn each_partition_has_its_own_progress() {
        let mut progress = Progress::default();
        progress.begin(at(0, 5), 1);
        progress.begin(at(1, 3), 1);
        assert_eq!(progress.loaded(at(1, 3)), Some(at(1, 3)));
        assert_eq!(progress.loaded(at(0, 5)), Some(at(0, 5)));
    }

    #[test]
    fn an_order_that_was_taken_twice_is_done_twice() {
        let mut progress = Progress::default();
        progress.begin(at(0, 5), 1);
        progress.begin(at(0, 5), 1);
        assert_eq!(progress.loaded(at(0, 5)), None);
        assert_eq!(progress.loaded(at(0, 5)), Some(at(0, 5)));
        assert_eq!(progress.loaded(at(0, 5)), None);
    }
}
