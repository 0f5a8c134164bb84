//! When a message that comes again starts a trace of its own.

use crate::message::info::MessageInfo;
use std::time::Duration;

/// From when on the handling of a message is linked to its sender and no longer its child. By
/// default, never.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Redelivery {
    pub(crate) after_deliveries: Option<u64>,
    pub(crate) after_age: Option<Duration>,
}

impl Redelivery {
    /// Whether it has to be known what the message tells.
    #[inline]
    pub(crate) fn is_set(self) -> bool {
        self.after_deliveries.is_some() || self.after_age.is_some()
    }

    pub(crate) fn starts_new_trace(self, message: &MessageInfo<'_>) -> bool {
        let exceeds = |limit: Option<u64>, count: Option<u64>| {
            limit.zip(count).is_some_and(|(limit, count)| count > limit)
        };
        // A clock that is behind the sender's makes no message old.
        let age = || message.sent_at()?.elapsed().ok();
        exceeds(self.after_deliveries, message.delivery_count())
            || self
                .after_age
                .is_some_and(|limit| age().is_some_and(|age| age > limit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::destination::Destination;
    use std::time::SystemTime;

    #[test]
    fn only_what_exceeds_a_limit_starts_a_trace() {
        let hour = Duration::from_secs(3600);
        let never = Redelivery::default();
        let after_two = Redelivery {
            after_deliveries: Some(2),
            ..never
        };
        let after_an_hour = Redelivery {
            after_age: Some(hour),
            ..never
        };
        let now = SystemTime::now();
        for (count, sent_at, expected) in [
            (None, None, [false; 3]),
            (Some(2), Some(now), [false; 3]),
            (Some(3), Some(now), [false, true, false]),
            (Some(u64::MAX), None, [false, true, false]),
            (None, Some(now - 2 * hour), [false, false, true]),
            (None, Some(SystemTime::UNIX_EPOCH), [false, false, true]),
            (None, Some(now + 2 * hour), [false; 3]),
        ] {
            let message = MessageInfo::new(Destination::named("orders"))
                .with_delivery_count(count)
                .with_sent_at(sent_at);
            let found = [never, after_two, after_an_hour].map(|by| by.starts_new_trace(&message));
            assert_eq!(found, expected, "{count:?} {sent_at:?}");
        }
        assert_eq!(
            [never, after_two, after_an_hour].map(Redelivery::is_set),
            [false, true, true]
        );
    }
}
