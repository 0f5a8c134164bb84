//! What becomes of the context of one message, seen while it is read or written.

use std::cell::Cell;
use std::sync::atomic::{AtomicU8, Ordering};

/// What happened on this thread, in bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Seen(u8);

impl Seen {
    /// A part of the context was left out, or ignored.
    pub(crate) const CUT: Self = Self(1);
    /// A traceparent was ignored.
    pub(crate) const MALFORMED: Self = Self(2);
    /// The message goes without its context.
    pub(crate) const DROPPED: Self = Self(4);
    /// A propagator panicked.
    pub(crate) const PANICKED: Self = Self(8);

    /// Whether anything happened.
    #[inline]
    pub(crate) fn is_any(self) -> bool {
        self.0 != 0
    }

    pub(crate) fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// What happened to a message, kept until somebody asks.
#[derive(Debug, Default)]
pub(crate) struct Kept(AtomicU8);

impl Kept {
    pub(crate) fn set(&self, seen: Seen) {
        self.0.store(seen.0, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn get(&self) -> Seen {
        Seen(self.0.load(Ordering::Relaxed))
    }
}

thread_local! {
    static SEEN: Cell<Seen> = const { Cell::new(Seen(0)) };
}

/// Notes it for the message that this thread reads or writes, if any.
#[cold]
pub(crate) fn note(seen: Seen) {
    SEEN.set(Seen(SEEN.get().0 | seen.0));
}

/// Works, and says what was noted meanwhile.
#[inline]
pub(crate) fn watch<T>(work: impl FnOnce() -> T) -> (T, Seen) {
    let outer = SEEN.replace(Seen(0));
    let done = work();
    (done, SEEN.replace(outer))
}
