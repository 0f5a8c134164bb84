//! The boundary to the application's code that telemetry calls: samplers, span processors,
//! exporters, propagators, layers of `tracing`. A panic of theirs ends here.

use crate::dropped;
use std::any::Any;
use std::cell::Cell;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// So many panics in a row turn the code off.
const ROW: u32 = 16;
/// For so many seconds.
const PAUSE: u64 = 60;

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

/// What is done with spans. Each step has a row of panics of its own: what always panics at the end of a
/// span is not forgiven because spans begin well.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Step {
    /// Looking for what is current.
    #[cfg(feature = "tracing")]
    Look,
    /// Opening a span of `tracing`.
    #[cfg(feature = "tracing")]
    Open,
    Start,
    /// Attributes and status.
    Describe,
    #[cfg(feature = "tracing")]
    Enter,
    #[cfg(feature = "tracing")]
    Leave,
    /// Closing a span of `tracing`.
    #[cfg(feature = "tracing")]
    Close,
    End,
}

const STEPS: usize = Step::End as usize + 1;

/// One piece of the application's code, and how it fares.
#[derive(Debug)]
pub(crate) struct Boundary {
    behind: Behind,
    /// Panics of each step since it went well.
    rows: [AtomicU32; STEPS],
    /// The second of this process from which on it is called again; 0 while it is called.
    off_until: AtomicU64,
}

/// The spans of the global tracer provider, and all that `tracing` does with them.
pub(crate) static SPANS: Boundary = Boundary::new(Behind::Spans);
static LOG: Boundary = Boundary::new(Behind::Log);

impl Boundary {
    pub(crate) const fn new(behind: Behind) -> Self {
        Self {
            behind,
            rows: [const { AtomicU32::new(0) }; STEPS],
            off_until: AtomicU64::new(0),
        }
    }

    /// Calls code that can be done without. `None` if it panics, is off, or called this.
    #[inline]
    pub(crate) fn ask<T>(&self, step: Step, work: impl FnOnce() -> T) -> Option<T> {
        if self.off_until.load(Ordering::Relaxed) != 0 && self.is_off(dropped::seconds()) {
            return None;
        }
        if INSIDE.get() & self.behind as u8 != 0 {
            return None;
        }
        self.call(step, work)
    }

    /// Calls code that goes on with what was begun, whatever happens. `None` if it panics.
    #[inline]
    pub(crate) fn call<T>(&self, step: Step, work: impl FnOnce() -> T) -> Option<T> {
        let done = catch(self.behind, work);
        if done.is_some() {
            let row = &self.rows[step as usize];
            if row.load(Ordering::Relaxed) != 0 {
                row.store(0, Ordering::Relaxed);
            }
        } else {
            self.panicked(step, dropped::seconds());
        }
        done
    }

    #[cold]
    fn panicked(&self, step: Step, now: u64) {
        let row = &self.rows[step as usize];
        // What is under way goes on while the rest is off, and may go on panicking: that makes the
        // pause no longer, and is not said again.
        let is_on = self.off_until.load(Ordering::Relaxed) <= now;
        let is_last = row.fetch_add(1, Ordering::Relaxed) + 1 >= ROW;
        if is_last {
            row.store(0, Ordering::Relaxed);
        }
        if is_last && is_on {
            self.off_until.store(now + PAUSE, Ordering::Relaxed);
        }
        dropped::panicked(self.behind, is_last && is_on);
    }

    #[cold]
    fn is_off(&self, now: u64) -> bool {
        let until = self.off_until.load(Ordering::Relaxed);
        if now < until {
            return true;
        }
        // Unless it was turned off again meanwhile.
        let _: Result<u64, u64> =
            self.off_until
                .compare_exchange(until, 0, Ordering::Relaxed, Ordering::Relaxed);
        false
    }
}

#[inline]
fn catch<T>(behind: Behind, work: impl FnOnce() -> T) -> Option<T> {
    let outer = INSIDE.get();
    INSIDE.set(outer | behind as u8);
    let done = catch_unwind(AssertUnwindSafe(work));
    INSIDE.set(outer);
    done.map_err(forget).ok()
}

/// Drops what a panic threw. It is the application's too, and may panic then.
#[cold]
fn forget(thrown: Box<dyn Any + Send>) {
    let dropped = catch_unwind(AssertUnwindSafe(|| drop(thrown)));
    std::mem::forget(dropped);
}

/// Calls the application's code that makes a text, such as an error's `Display`. It is never off.
pub(crate) fn text<T>(work: impl FnOnce() -> T) -> Option<T> {
    count(Behind::Text, work)
}

/// Drops what may have the last handle of a span, which the provider's code then ends. That may be any
/// provider's, so it turns none off.
#[inline]
pub(crate) fn release<T>(last: T) {
    count(Behind::Spans, || drop(last));
}

/// Calls the application's code, and counts a panic.
#[inline]
pub(crate) fn count<T>(behind: Behind, work: impl FnOnce() -> T) -> Option<T> {
    let done = catch(behind, work);
    if done.is_none() {
        dropped::panicked(behind, false);
    }
    done
}

/// Writes a line of the log, which is an event to the application's layers.
pub(crate) fn log(work: impl FnOnce()) {
    LOG.ask(Step::Start, work);
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
        assert_eq!(boundary.ask(Step::Start, || 7), Some(7));
        let thrown = boundary.ask(Step::Start, || std::panic::panic_any(Bomb));
        assert_eq!(thrown, None::<()>);
        assert_eq!(boundary.ask(Step::Start, || 7), Some(7));
    }

    #[test]
    fn sixteen_panics_of_one_step_in_a_row_turn_it_off_for_a_minute() {
        let boundary = Boundary::new(Behind::Spans);
        for _ in 0..ROW - 1 {
            boundary.panicked(Step::End, 100);
        }
        boundary.call(Step::End, || ());
        for _ in 0..ROW - 1 {
            boundary.panicked(Step::End, 100);
            boundary.panicked(Step::Start, 100);
            // What is good at its beginning may be bad at its end.
            boundary.call(Step::Start, || ());
            assert_eq!(boundary.off_until.load(Ordering::Relaxed), 0);
        }
        boundary.panicked(Step::End, 100);
        assert!(boundary.is_off(100));
        assert!(boundary.is_off(159));
        assert!(!boundary.is_off(160));
        assert!(!boundary.is_off(100), "once it is on it is on");
        boundary.panicked(Step::End, 160);
        assert!(!boundary.is_off(160), "the row begins anew");

        for _ in 0..4 * ROW {
            boundary.panicked(Step::Describe, 200);
        }
        assert!(
            !boundary.is_off(260),
            "what goes on panicking prolongs nothing"
        );
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
        let inside = spans.ask(Step::Start, || {
            (
                spans.ask(Step::Start, || 1),
                others.ask(Step::Start, || 2),
                spans.call(Step::End, || 3),
            )
        });
        assert_eq!(inside, Some((None, Some(2), Some(3))));
        for _ in 0..ROW {
            let _: Option<()> = spans.ask(Step::Start, || panic!("a sampler"));
        }
        assert_eq!(spans.ask(Step::Start, || 1), None);
        assert_eq!(spans.call(Step::End, || 3), Some(3));
        assert_eq!(others.ask(Step::Start, || 2), Some(2));
    }

    /// Nor is the log silent because its layers panic now and then.
    #[test]
    fn text_is_always_asked_for() {
        for _ in 0..2 * ROW {
            assert_eq!(text(|| panic!("in Display")), None::<()>);
        }
        assert_eq!(text(|| 7), Some(7));
    }
}
