//! The boundary to the application's code that telemetry calls: samplers, span processors,
//! exporters, propagators, layers of `tracing`. A panic of theirs ends here.

use crate::loss::catch::{Behind, catch, is_inside};
use crate::loss::count::{panicked, seconds};
use crate::loss::row::{Rows, Step};

/// One piece of the application's code, and how it fares.
#[derive(Debug)]
pub(crate) struct Boundary {
    behind: Behind,
    rows: Rows,
}

/// The spans of the global tracer provider, and all that `tracing` does with them.
pub(crate) static SPANS: Boundary = Boundary::new(Behind::Spans);

impl Boundary {
    pub(crate) const fn new(behind: Behind) -> Self {
        Self {
            behind,
            rows: Rows::new(),
        }
    }

    /// Calls code that can be done without. `None` if it panics, is off, or called this.
    #[inline]
    pub(crate) fn ask<T>(&self, step: Step, work: impl FnOnce() -> T) -> Option<T> {
        if self.rows.was_off() && self.rows.is_off(seconds()) {
            return None;
        }
        if is_inside(self.behind) {
            return None;
        }
        self.call(step, work)
    }

    /// Calls code that goes on with what was begun, whatever happens. `None` if it panics.
    #[inline]
    pub(crate) fn call<T>(&self, step: Step, work: impl FnOnce() -> T) -> Option<T> {
        let done = catch(self.behind, work);
        if done.is_some() {
            self.rows.went_well(step);
        } else {
            self.panicked(step);
        }
        done
    }

    #[cold]
    fn panicked(&self, step: Step) {
        let is_off = self.rows.panicked(step, seconds());
        panicked(self.behind, is_off);
    }
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
        panicked(behind, false);
    }
    done
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loss::row::ROW;

    #[test]
    fn a_panic_stays_inside_and_so_does_what_it_throws() {
        struct Bomb;
        impl Drop for Bomb {
            fn drop(&mut self) {
                panic!("in the destructor of what was thrown");
            }
        }
        let boundary = Boundary::new(Behind::Spans);
        assert_eq!(boundary.ask(Step::START, || 7), Some(7));
        let thrown = boundary.ask(Step::START, || std::panic::panic_any(Bomb));
        assert_eq!(thrown, None::<()>);
        assert_eq!(boundary.ask(Step::START, || 7), Some(7));
    }

    #[test]
    fn it_is_not_entered_twice_and_ending_is_always_done() {
        let (spans, others) = (
            Boundary::new(Behind::Spans),
            Boundary::new(Behind::Propagator),
        );
        let inside = spans.ask(Step::START, || {
            (
                spans.ask(Step::START, || 1),
                others.ask(Step::START, || 2),
                spans.call(Step::END, || 3),
            )
        });
        assert_eq!(inside, Some((None, Some(2), Some(3))));
        for _ in 0..ROW {
            let _: Option<()> = spans.ask(Step::START, || panic!("a sampler"));
        }
        assert_eq!(spans.ask(Step::START, || 1), None);
        assert_eq!(spans.call(Step::END, || 3), Some(3));
        assert_eq!(others.ask(Step::START, || 2), Some(2));
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
