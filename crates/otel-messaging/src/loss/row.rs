//! Panics in a row, which turn code off for a while.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// So many panics in a row turn the code off.
pub(crate) const ROW: u32 = 16;
/// For so many seconds.
const PAUSE: u64 = 60;

/// What is done with spans. Each step has a row of panics of its own: what always panics at the end of a
/// span is not forgiven because spans begin well.
///
/// These three are steps of every span; with spans of `tracing` there are more.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step(pub(crate) usize);

impl Step {
    /// With the attributes that the span has when it starts.
    pub(crate) const START: Self = Self(0);
    /// Later attributes, and the status.
    pub(crate) const DESCRIBE: Self = Self(1);
    pub(crate) const END: Self = Self(2);
    /// Looking for a provider. What always panics at the start of a span is not forgiven because a provider is found.
    pub(crate) const FIND: Self = Self(3);
    /// How many the spans of every kind have; the others come behind them.
    pub(crate) const COMMON: usize = 4;
}

/// Those of every span, and the five of spans of `tracing`.
pub(crate) const STEPS: usize = Step::COMMON + 5;

/// How one piece of the application's code fares.
#[derive(Debug)]
pub(crate) struct Rows {
    /// Panics of each step since it went well.
    rows: [AtomicU32; STEPS],
    /// The second of this process from which on it is called again; 0 while it is called.
    off_until: AtomicU64,
}

impl Rows {
    pub(crate) const fn new() -> Self {
        Self {
            rows: [const { AtomicU32::new(0) }; STEPS],
            off_until: AtomicU64::new(0),
        }
    }

    /// Whether the code may be off: then the time has to be looked at.
    #[inline]
    pub(crate) fn was_off(&self) -> bool {
        self.off_until.load(Ordering::Relaxed) != 0
    }

    #[inline]
    pub(crate) fn went_well(&self, step: Step) {
        if let Some(row) = self.rows.get(step.0)
            && row.load(Ordering::Relaxed) != 0
        {
            row.store(0, Ordering::Relaxed);
        }
    }

    /// Counts a panic, and tells whether it turned the code off.
    #[cold]
    pub(crate) fn panicked(&self, step: Step, now: u64) -> bool {
        let Some(row) = self.rows.get(step.0) else {
            return false;
        };
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
        is_last && is_on
    }

    #[cold]
    pub(crate) fn is_off(&self, now: u64) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixteen_panics_of_one_step_in_a_row_turn_it_off_for_a_minute() {
        let rows = Rows::new();
        for _ in 0..ROW - 1 {
            rows.panicked(Step::END, 100);
        }
        rows.went_well(Step::END);
        for _ in 0..ROW - 1 {
            rows.panicked(Step::END, 100);
            rows.panicked(Step::START, 100);
            // What is good at its beginning may be bad at its end.
            rows.went_well(Step::START);
            assert!(!rows.was_off());
        }
        assert!(rows.panicked(Step::END, 100));
        assert!(rows.is_off(100));
        assert!(rows.is_off(159));
        assert!(!rows.is_off(160));
        assert!(!rows.is_off(100), "once it is on it is on");
        rows.panicked(Step::END, 160);
        assert!(!rows.is_off(160), "the row begins anew");

        for _ in 0..4 * ROW {
            rows.panicked(Step::DESCRIBE, 200);
        }
        assert!(!rows.is_off(260), "what goes on panicking prolongs nothing");
    }
}
