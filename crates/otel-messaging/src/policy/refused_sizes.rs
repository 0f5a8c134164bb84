//! Sizes of messages that destinations have refused.

use crate::loss::count::seconds;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many destinations are known at most.
const CAPACITY: usize = 256;

/// Seconds until a refusal is forgotten.
const LIFETIME: u64 = 600;

/// The most seconds between two messages that go with their contexts although their size was refused.
const LONGEST_PAUSE: u64 = 64;

/// The longest name of a destination that is kept, in bytes.
const LONGEST: usize = 1_024;

/// Sizes of messages that destinations have refused, so that an adapter sends later messages of that size
/// without a context at once.
///
/// Use it for a client that does not know how large a message its destinations accept, and learns it from
/// a refusal. A producer has one, and its clones share it. All sizes are in bytes. It does not matter what
/// they count, as long as the same producer always counts in the same way, and includes the headers.
///
/// A refused size counts for ten minutes, for messages of at least this size. Of several refused sizes the
/// smallest counts. If the destination refuses batches, [`note_refusal_of_batch`](Self::note_refusal_of_batch)
/// says which sizes count.
///
/// The size ends before its time if the destination accepts a message of at least this size: the limit was
/// raised, or the refusal had another reason. The size with which the message was sent decides. Without its
/// context a message is smaller, so it often says nothing about the size with a context. A producer that can
/// send a message a second time therefore asks [`refuses_repeatable`](Self::refuses_repeatable), which now
/// and then lets one go with its context.
///
/// At most 256 destinations are known. One more takes the place of the one whose time ends first. A
/// destination with a name of more than 1,024 bytes is never known.
///
/// As long as nothing was refused, a call costs one relaxed load, and takes no lock.
#[derive(Debug, Default)]
pub struct RefusedSizes {
    is_any: AtomicBool,
    sizes: Mutex<Sizes>,
}

impl RefusedSizes {
    /// Nothing was refused.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether no size is known for any destination. Ask this first if a size costs something to
    /// compute.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.is_any.load(Ordering::Relaxed)
    }

    /// Whether the destination has lately refused a message of this size, or a smaller one.
    #[must_use]
    pub fn refuses(&self, destination: &str, size: usize) -> bool {
        !self.is_empty() && self.with(|sizes, now| sizes.refuses(destination, size, now))
    }

    /// Whether a message that the sender repeats without its context if it is refused goes without it at
    /// once: as [`refuses`](Self::refuses), except that now and then one message goes with its context.
    ///
    /// If the destination accepts that one, note the success: then all messages have their contexts again. The
    /// first one may go in the next second after the refusal. The pause after it is two seconds, and doubles
    /// each time, up to 64 seconds. A smaller refused size starts this anew.
    ///
    /// Do not ask this for a message that cannot be repeated: the destination may refuse it for its context.
    #[must_use]
    pub fn refuses_repeatable(&self, destination: &str, size: usize) -> bool {
        !self.is_empty() && self.with(|sizes, now| sizes.refuses_repeatable(destination, size, now))
    }

    /// Notes that the destination has refused a message of this size, and gave its size as the reason.
    pub fn note_refusal(&self, destination: &str, size: usize) {
        self.with(|sizes, now| sizes.refuse(destination, size, Unit::Message, now));
    }

    /// Notes that the destination has refused a batch with a message of this size, and gave the batch's size
    /// as the reason. Call it for each message of the batch.
    ///
    /// The smaller messages of the batch may be small enough themselves. So of the refusals that come within
    /// the same second as the first one, or the next second, only the largest counts. A smaller size counts
    /// when the destination refuses it later.
    pub fn note_refusal_of_batch(&self, destination: &str, size: usize) {
        self.with(|sizes, now| sizes.refuse(destination, size, Unit::Batch, now));
    }

    /// Notes that the destination has accepted a message of this size: the size with which it was sent,
    /// with or without a context.
    pub fn note_success(&self, destination: &str, size: usize) {
        if !self.is_empty() {
            self.with(|sizes, now| sizes.accept(destination, size, now));
        }
    }

    #[cold]
    fn with<T>(&self, work: impl FnOnce(&mut Sizes, u64) -> T) -> T {
        let mut sizes: MutexGuard<'_, Sizes> =
            self.sizes.lock().unwrap_or_else(PoisonError::into_inner);
        let done = work(&mut sizes, seconds());
        self.is_any
            .store(!sizes.known.is_empty(), Ordering::Relaxed);
        done
    }
}

/// What a destination refuses as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Message,
    Batch,
}

/// A size that a destination refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Refusal {
    size: usize,
    /// The second of this process at which it is forgotten.
    end: u64,
}

/// Refusals that came together. A batch that is refused gives one for each of its messages.
#[derive(Debug, Clone, Copy)]
struct Together {
    /// The second of the first one.
    first: u64,
    largest: usize,
    /// What counted before.
    before: Option<Refusal>,
}

/// What is known of a destination.
#[derive(Debug, Clone, Copy)]
struct Known {
    /// The refusal that counts.
    refusal: Refusal,
    together: Option<Together>,
    /// The second from which on a message may go with its context all the same.
    next_try: u64,
    /// The seconds between the last two such messages.
    pause: u64,
}

impl Known {
    /// What is known after one more refusal.
    fn after(known: Option<Self>, size: usize, unit: Unit, now: u64) -> Self {
        let counted = known.map(|known| known.refusal);
        let (size, before, together) = match unit {
            Unit::Message => (size, counted, None),
            Unit::Batch => {
                let running = known
                    .and_then(|known| known.together)
                    .filter(|together| now <= together.first + 1);
                let mut together = running.unwrap_or(Together {
                    first: now,
                    largest: size,
                    before: counted,
                });
                together.largest = together.largest.max(size);
                (together.largest, together.before, Some(together))
            }
        };
        let new = Refusal {
            size,
            end: now.saturating_add(LIFETIME),
        };
        // A larger one says nothing new.
        let before = before.filter(|before| before.size < size && before.end > now);
        let refusal = before.unwrap_or(new);
        let (next_try, pause) = match known {
            Some(known) if known.refusal.size <= refusal.size => (known.next_try, known.pause),
            _ => (now + 1, 1),
        };
        Self {
            refusal,
            together,
            next_try,
            pause,
        }
    }
}

#[derive(Debug, Default)]
struct Sizes {
    known: HashMap<Box<str>, Known>,
    /// The second at which the first of them is forgotten, or an earlier one.
    next_end: u64,
}

impl Sizes {
    fn refuses(&mut self, destination: &str, size: usize, now: u64) -> bool {
        self.refusing(destination, size, now).is_some()
    }

    fn refuses_repeatable(&mut self, destination: &str, size: usize, now: u64) -> bool {
        let Some(known) = self.refusing(destination, size, now) else {
            return false;
        };
        if now < known.next_try {
            return true;
        }
        known.pause = (known.pause * 2).min(LONGEST_PAUSE);
        known.next_try = now + known.pause;
        false
    }

    fn refusing(&mut self, destination: &str, size: usize, now: u64) -> Option<&mut Known> {
        self.forget(now);
        let known = self.known.get_mut(destination);
        known.filter(|known| size >= known.refusal.size)
    }

    fn refuse(&mut self, destination: &str, size: usize, unit: Unit, now: u64) {
        self.forget(now);
        if destination.len() > LONGEST {
            return;
        }
        let known = self.known.get(destination).copied();
        if known.is_none() && self.known.len() >= CAPACITY {
            self.make_room();
        }
        let known = Known::after(known, size, unit, now);
        self.next_end = if self.known.is_empty() {
            known.refusal.end
        } else {
            self.next_end.min(known.refusal.end)
        };
        self.known.insert(destination.into(), known);
    }

    fn accept(&mut self, destination: &str, size: usize, now: u64) {
        if self.refuses(destination, size, now) {
            self.known.remove(destination);
        }
    }

    fn forget(&mut self, now: u64) {
        if now >= self.next_end {
            self.known.retain(|_, known| known.refusal.end > now);
            let ends = self.known.values().map(|known| known.refusal.end);
            self.next_end = ends.min().unwrap_or(u64::MAX);
        }
    }

    fn make_room(&mut self) {
        let first = self.known.iter().min_by_key(|(_, known)| known.refusal.end);
        let first = first.map(|(destination, _)| destination.clone());
        if let Some(first) = first {
            self.known.remove(&first);
        }
    }
}

#[cfg(test)]
mod tests;
