//! When a thread looks again at a setting of OpenTelemetry's that all threads share.

use std::cell::Cell;
use std::time::{Duration, SystemTime};

/// How long a thread takes a setting for the same.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long a thread waits after it has looked out of turn before it does so again.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(10);

/// A thread looks at each of so many messages first. A program that sets up its telemetry behind its first message,
/// as tests do, does not have to wait then.
const FIRST: u8 = 32;

/// The looks of one thread. OpenTelemetry has a lock around each setting, so that a look at each message would be a
/// lock on the way of each message.
pub(crate) struct Looks {
    /// The time of the last look and of the next one, by the wall clock, which every span reads anyway.
    between: Cell<Option<(SystemTime, SystemTime)>>,
    /// The time of the last look out of turn.
    again_at: Cell<Option<SystemTime>>,
    first_left: Cell<u8>,
    is_looking: Cell<bool>,
}

impl Looks {
    pub(crate) const fn new() -> Self {
        Self {
            between: Cell::new(None),
            again_at: Cell::new(None),
            first_left: Cell::new(FIRST),
            is_looking: Cell::new(false),
        }
    }

    /// Whether it is time to look.
    #[inline]
    pub(crate) fn are_due(&self, now: SystemTime) -> bool {
        // The clock may have been set back.
        let is_between = |(last, next)| last <= now && now < next;
        let is_time = !self.between.get().is_some_and(is_between);
        // What is looked at may handle messages itself.
        (is_time || self.first_left.get() > 0) && !self.is_looking.get()
    }

    /// Whether the thread still looks at each message.
    pub(crate) fn are_first(&self) -> bool {
        self.first_left.get() > 0
    }

    /// Whether the thread may look out of turn, because what it knows is of no use any more. It may do so once in
    /// [`LOOK_AGAIN_AFTER`], so that each message does not cost a look; the call counts as the look.
    pub(crate) fn may_look_again(&self, now: SystemTime) -> bool {
        let since = |at| now.duration_since(at).unwrap_or(LOOK_AGAIN_AFTER);
        let again_at = self.again_at.get();
        if again_at.is_some_and(|at| since(at) < LOOK_AGAIN_AFTER) {
            return false;
        }
        self.again_at.set(Some(now));
        true
    }

    /// Looks by `look`. What it looks at does not come back here.
    pub(crate) fn look<T>(&self, now: SystemTime, look: impl FnOnce() -> T) -> T {
        /// Also when the look panics.
        struct IsLooking<'a>(&'a Cell<bool>);
        impl Drop for IsLooking<'_> {
            fn drop(&mut self) {
                self.0.set(false);
            }
        }
        self.first_left.set(self.first_left.get().saturating_sub(1));
        self.is_looking.set(true);
        let is_looking = IsLooking(&self.is_looking);
        let seen = look();
        drop(is_looking);
        self.looked(now);
        seen
    }

    /// Notes that somebody looked at this time.
    pub(crate) fn looked(&self, at: SystemTime) {
        let next = at.checked_add(LOOK_EVERY);
        self.between.set(next.map(|next| (at, next)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_looks_at_its_first_messages_and_then_once_a_second() {
        let looks = Looks::new();
        let now = SystemTime::now();
        for _ in 0..FIRST {
            assert!(looks.are_due(now) && looks.are_first());
            let is_due_inside = looks.look(now, || looks.are_due(now));
            assert!(!is_due_inside);
        }
        assert!(!looks.are_due(now) && !looks.are_first());
        assert!(!looks.are_due(now + LOOK_EVERY / 2));
        assert!(looks.are_due(now + LOOK_EVERY));
        looks.looked(now + LOOK_EVERY);
        assert!(!looks.are_due(now + LOOK_EVERY));
        assert!(looks.are_due(now), "the clock was set back");
    }

    #[test]
    fn what_is_of_no_use_is_looked_at_again_now_and_then() {
        let looks = Looks::new();
        let now = SystemTime::now();
        assert!(looks.may_look_again(now));
        assert!(!looks.may_look_again(now));
        assert!(!looks.may_look_again(now + LOOK_AGAIN_AFTER / 2));
        assert!(looks.may_look_again(now + LOOK_AGAIN_AFTER));
        assert!(looks.may_look_again(now), "the clock was set back");
    }

    #[test]
    fn a_look_that_panics_is_over() {
        let looks = Looks::new();
        let now = SystemTime::now();
        let look = || looks.look(now, || panic!("a provider"));
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(look));
        assert!(caught.is_err() && looks.are_due(now));
    }
}
