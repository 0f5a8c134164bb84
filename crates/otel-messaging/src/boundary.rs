//! The boundary to the application's code that telemetry calls: samplers, span processors,
//! exporters, propagators, layers of `tracing`. A panic of theirs ends here.

use crate::dropped;
use std::any::Any;
use std::cell::Cell;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// So many panics in a row turn the code off.
pub(crate) const ROW: u32 = 16;
/// For so many seconds.
pub(crate) const PAUSE: u64 = 60;

/// What is behind a boundary. It is not entered twice on one thread: a sampler that sends a
/// message would be asked about that one too, and so on until the stack is used up, and layers and
/// OpenTelemetry's global propagator wait for locks that they hold themselves.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Behind {
    Spans = 1,
    Propagator = 2,
    /// The `Display` of an error, or a closure that says what a failure is.
    Text = 4,
    /// The layers that get a line of this crate's log.
    Log = 8,
}

impl fmt::Display for Behind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Spans => "a sampler, a span processor or a layer of `tracing`",
            Self::Propagator => "a propagator",
            Self::Text => "an error's Display, or a closure that says what a failure is",
            Self::Log => "a layer of `tracing`",
        })
    }
}

thread_local! {
    /// What this thread is behind, in bits.
    static INSIDE: Cell<u8> = const { Cell::new(0) };
}

/// One piece of the application's code, and how it fares.
#[derive(Debug)]
pub(crate) struct Boundary {
    behind: Behind,
    /// Panics since something went well.
    row: AtomicU32,
    /// The second of this process from which on it is called again; 0 while it is called.
    off_until: AtomicU64,
}

/// The spans of the global tracer provider, and all that `tracing` does with them.
pub(crate) static SPANS: Boundary = Boundary::new(Behind::Spans);
static TEXT: Boundary = Boundary::new(Behind::Text);
static LOG: Boundary = Boundary::new(Behind::Log);

impl Boundary {
    pub(crate) const fn new(behind: Behind) -> Self {
        Self {
            behind,
            row: AtomicU32::new(0),
            off_until: AtomicU64::new(0),
        }
    }

    /// Calls code that can be done without. `None` if it panics, is off, or called this.
    #[inline]
    pub(crate) fn ask<T>(&self, work: impl FnOnce() -> T) -> Option<T> {
        if self.off_until.load(Ordering::Relaxed) != 0 && self.is_off(dropped::seconds()) {
            return None;
        }
        let outer = INSIDE.get();
        if outer & self.behind as u8 != 0 {
            return None;
        }
        self.catch(outer, work)
    }

    /// Calls code that ends what was begun, whatever happens. `None` if it panics.
    #[inline]
    pub(crate) fn call<T>(&self, work: impl FnOnce() -> T) -> Option<T> {
        self.catch(INSIDE.get(), work)
    }

    #[inline]
    fn catch<T>(&self, outer: u8, work: impl FnOnce() -> T) -> Option<T> {
        INSIDE.set(outer | self.behind as u8);
        let mut done = None;
        let thrown = catch_unwind(AssertUnwindSafe(|| done = Some(work())));
        INSIDE.set(outer);
        if let Err(thrown) = thrown {
            self.panicked(thrown, dropped::seconds());
        }
        done
    }

    /// How many panics there were since something went well; for [`went_well`](Self::went_well).
    #[inline]
    pub(crate) fn row(&self) -> u32 {
        self.row.load(Ordering::Relaxed)
    }

    /// Ends the row of panics if there was none since it was so long.
    #[inline]
    pub(crate) fn went_well(&self, row: u32) {
        if row != 0 {
            // Unless another panic has come in between.
            let _: Result<u32, u32> =
                self.row
                    .compare_exchange(row, 0, Ordering::Relaxed, Ordering::Relaxed);
        }
    }

    #[cold]
    fn panicked(&self, thrown: Box<dyn Any + Send>, now: u64) {
        // It is the application's too, and may panic when it is dropped.
        let dropped = catch_unwind(AssertUnwindSafe(|| drop(thrown)));
        std::mem::forget(dropped);
        // An error is always asked for its text: each is another piece of code.
        let is_last = !matches!(self.behind, Behind::Text)
            && self.row.fetch_add(1, Ordering::Relaxed) + 1 >= ROW;
        if is_last {
            self.row.store(0, Ordering::Relaxed);
            self.off_until.store(now + PAUSE, Ordering::Relaxed);
        }
        dropped::panicked(self.behind, is_last);
    }

    #[cold]
    fn is_off(&self, now: u64) -> bool {
        let until = self.off_until.load(Ordering::Relaxed);
        if now < until {
            return true;
        }
        self.off_until.store(0, Ordering::Relaxed);
        false
    }
}

/// Calls the application's code that makes a text, such as an error's `Display`. It is never off.
pub(crate) fn text<T>(work: impl FnOnce() -> T) -> Option<T> {
    TEXT.call(work)
}

/// Writes a line of the log, which is an event to the application's layers.
pub(crate) fn log(work: impl FnOnce()) {
    let row = LOG.row();
    if LOG.ask(work).is_some() {
        LOG.went_well(row);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_stays_inside_and_so_does_what_it_throws() {
        struct Bomb;
        impl Drop for Bomb {
            fn drop(&mut self) {
                panic!("in the destructor of what was thrown");
            }
        }
        let boundary = Boundary::new(Behind::Spans);
        assert_eq!(boundary.ask(|| 7), Some(7));
        let thrown = boundary.ask(|| std::panic::panic_any(Bomb));
        assert_eq!(thrown, None::<()>);
        assert_eq!(boundary.ask(|| 7), Some(7));
        assert_eq!(boundary.row(), 1);
    }

    #[test]
    fn sixteen_panics_in_a_row_turn_it_off_for_a_minute() {
        let boundary = Boundary::new(Behind::Spans);
        for _ in 0..ROW - 1 {
            boundary.panicked(Box::new(()), 100);
        }
        boundary.went_well(boundary.row());
        for _ in 0..ROW - 1 {
            boundary.panicked(Box::new(()), 100);
            assert_eq!(boundary.off_until.load(Ordering::Relaxed), 0);
        }
        // Something that began before a panic and ends after it ends no row.
        boundary.went_well(ROW - 2);
        boundary.panicked(Box::new(()), 100);
        assert!(boundary.is_off(100));
        assert!(boundary.is_off(159));
        assert!(!boundary.is_off(160));
        assert!(!boundary.is_off(100), "once it is on it is on");
        assert_eq!(boundary.row(), 0);
    }

    #[test]
    fn a_text_is_always_asked_for() {
        let boundary = Boundary::new(Behind::Text);
        for _ in 0..2 * ROW {
            boundary.panicked(Box::new(()), 100);
        }
        assert_eq!(boundary.off_until.load(Ordering::Relaxed), 0);
        assert_eq!(boundary.row(), 0);
    }

    #[test]
    fn a_line_that_is_written_ends_a_row_of_the_log() {
        let mut written = 0;
        for _ in 0..2 {
            for _ in 0..ROW - 1 {
                log(|| panic!("a layer"));
            }
            log(|| written += 1);
        }
        assert_eq!(written, 2);
    }

    #[test]
    fn it_is_not_entered_twice_and_ending_is_always_done() {
        let (spans, others) = (
            Boundary::new(Behind::Spans),
            Boundary::new(Behind::Propagator),
        );
        let inside = spans.ask(|| (spans.ask(|| 1), others.ask(|| 2), spans.call(|| 3)));
        assert_eq!(inside, Some((None, Some(2), Some(3))));
        for _ in 0..ROW {
            let _: Option<()> = spans.ask(|| panic!("a sampler"));
        }
        assert_eq!(spans.ask(|| 1), None);
        assert_eq!(spans.call(|| 3), Some(3));
        assert_eq!(others.ask(|| 2), Some(2));
    }
}
