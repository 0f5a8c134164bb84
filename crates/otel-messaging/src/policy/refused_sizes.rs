//! Sizes of messages that destinations have refused.

use crate::loss::count::seconds;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many destinations are known at most.
const CAPACITY: usize = 256;

/// Seconds until a refusal is forgotten.
const LIFETIME: u64 = 600;

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
/// smallest counts. A message of at least this size that the destination accepts ends it: the limit was
/// raised, or the refusal had another reason. At most 256 destinations are known. One more takes the place
/// of the one whose time ends first. A destination with a name of more than 1,024 bytes is never known.
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

    /// Notes that the destination has refused a message of this size, and gave its size as the reason.
    pub fn note_refusal(&self, destination: &str, size: usize) {
        self.with(|sizes, now| sizes.refuse(destination, size, now));
    }

    /// Notes that the destination has accepted a message of this size.
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

/// The smallest size that a destination refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Refusal {
    size: usize,
    /// The second of this process at which it is forgotten.
    end: u64,
}

#[derive(Debug, Default)]
struct Sizes {
    known: HashMap<Box<str>, Refusal>,
    /// The second at which the first of them is forgotten, or an earlier one.
    next_end: u64,
}

impl Sizes {
    fn refuses(&mut self, destination: &str, size: usize, now: u64) -> bool {
        self.forget(now);
        let refusal = self.known.get(destination);
        refusal.is_some_and(|refusal| size >= refusal.size)
    }

    fn refuse(&mut self, destination: &str, size: usize, now: u64) {
        self.forget(now);
        if destination.len() > LONGEST {
            return;
        }
        if self.known.len() >= CAPACITY && !self.known.contains_key(destination) {
            self.make_room();
        }
        let end = now.saturating_add(LIFETIME);
        self.next_end = if self.known.is_empty() {
            end
        } else {
            self.next_end.min(end)
        };
        match self.known.entry(destination.into()) {
            // A larger one says nothing new.
            Entry::Occupied(known) if known.get().size < size => {}
            Entry::Occupied(mut known) => *known.get_mut() = Refusal { size, end },
            Entry::Vacant(vacant) => {
                vacant.insert(Refusal { size, end });
            }
        }
    }

    fn accept(&mut self, destination: &str, size: usize, now: u64) {
        if self.refuses(destination, size, now) {
            self.known.remove(destination);
        }
    }

    fn forget(&mut self, now: u64) {
        if now >= self.next_end {
            self.known.retain(|_, refusal| refusal.end > now);
            let ends = self.known.values().map(|refusal| refusal.end);
            self.next_end = ends.min().unwrap_or(u64::MAX);
        }
    }

    fn make_room(&mut self) {
        let first = self.known.iter().min_by_key(|(_, refusal)| refusal.end);
        let first = first.map(|(destination, _)| destination.clone());
        if let Some(first) = first {
            self.known.remove(&first);
        }
    }
}

#[cfg(test)]
mod tests;
