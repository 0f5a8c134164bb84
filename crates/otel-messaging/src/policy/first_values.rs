//! The first values that come, and no more: how many time series there may be is known before.

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

/// More than this is not remembered, whatever the application asks for.
pub(crate) const MOST: usize = 10_000;

/// The first distinct texts that were asked for, up to a number. Nothing is ever removed. The last of them may
/// be refused while the thread that asked for it first still writes it.
///
/// Look-up takes no lock. A thread waits for another only while that one writes the same slot, and each slot
/// is written once. Whoever chooses the texts does not know the hasher's keys, so he cannot make them collide;
/// and no look-up looks at a slot twice.
pub(crate) struct FirstValues {
    /// Twice as many as there may be values. A slot without a value was about to be written when another
    /// thread took the last room.
    slots: Box<[OnceLock<Option<Arc<str>>>]>,
    /// How many more values there is room for.
    room: AtomicUsize,
    hasher: RandomState,
}

impl FirstValues {
    /// With room for so many values, [`MOST`] at most.
    pub(crate) fn new(values: usize) -> Self {
        let values = values.min(MOST);
        Self {
            slots: (0..2 * values).map(|_| OnceLock::new()).collect(),
            room: AtomicUsize::new(values),
            hasher: RandomState::new(),
        }
    }

    /// The text, if it is one of the first, or becomes one now.
    pub(crate) fn get_or_add(&self, text: &str) -> Option<Arc<str>> {
        let begin = self.begin(text);
        let (behind, before) = self.slots.split_at_checked(begin)?;
        for slot in before.iter().chain(behind) {
            let value = match slot.get() {
                Some(value) => value,
                // Whoever added it would have taken this slot. But if another thread has taken the last room
                // for this text and writes it now, the text is refused this once.
                None if self.room.load(Ordering::Relaxed) == 0 => return None,
                None => slot.get_or_init(|| self.take_room().then(|| text.into())),
            };
            if let Some(known) = value
                && **known == *text
            {
                return Some(known.clone());
            }
        }
        None
    }

    /// Where the search for a text begins.
    fn begin(&self, text: &str) -> usize {
        let slots = self.slots.len() as u64;
        // What is left of a division by the number of slots is smaller than that.
        let begin = self.hasher.hash_one(text).checked_rem(slots);
        begin.map_or(0, |begin| begin as usize)
    }

    fn take_room(&self) -> bool {
        let one_less = |room: usize| room.checked_sub(1);
        self.room
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less)
            .is_ok()
    }
}

impl fmt::Debug for FirstValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FirstValues")
            .field("room", &self.room)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;
    use std::sync::Barrier;
    use std::thread;

    fn known(values: &FirstValues) -> BTreeSet<String> {
        let known = values
            .slots
            .iter()
            .filter_map(|slot| slot.get()?.as_deref());
        known.map(str::to_owned).collect()
    }

    proptest! {
        #[test]
        fn the_first_stay_and_the_rest_is_refused(
            room in 0..20_usize,
            texts in prop::collection::vec("[a-c]{0,3}", 0..200),
        ) {
            let values = FirstValues::new(room);
            let mut first = Vec::new();
            for text in &texts {
                if !first.contains(text) && first.len() < room {
                    first.push(text.clone());
                }
                let found = values.get_or_add(text);
                let expected = first.contains(text).then_some(&**text);
                prop_assert_eq!(found.as_deref(), expected);
            }
            prop_assert_eq!(values.slots.len(), 2 * room);
            prop_assert_eq!(known(&values), first.into_iter().collect());
        }

        /// Each thread finds what any thread has found, and together they find as many as there is room for.
        #[test]
        fn threads_agree(
            room in 1..12_usize,
            orders in prop::collection::vec(Just((0..24_u32).collect::<Vec<_>>()).prop_shuffle(), 2..6),
        ) {
            let (values, start) = (FirstValues::new(room), Barrier::new(orders.len()));
            let found = thread::scope(|scope| {
                let look_up = |order: &[u32]| {
                    start.wait();
                    let texts = order.iter().map(u32::to_string);
                    texts.filter_map(|text| values.get_or_add(&text)).collect::<Vec<_>>()
                };
                let threads: Vec<_> = orders
                    .iter()
                    .map(|order| scope.spawn(move || look_up(order)))
                    .collect();
                let found = threads.into_iter().map(|it| it.join().expect("no panic"));
                found.collect::<Vec<_>>()
            });
            let known = known(&values);
            prop_assert_eq!(known.len(), room);
            for text in found.into_iter().flatten() {
                prop_assert!(known.contains(&*text), "{}", text);
            }
            let again = (0..24_u32).filter(|it| values.get_or_add(&it.to_string()).is_some());
            prop_assert_eq!(again.count(), room);
        }
    }

    #[test]
    fn room_is_bounded() {
        assert_eq!(FirstValues::new(usize::MAX).slots.len(), 2 * MOST);
        let none = FirstValues::new(0);
        assert_eq!((none.get_or_add("a"), none.get_or_add("")), (None, None));
    }
}
