//! When a message that comes again starts a trace of its own.

use crate::description::Description;
use crate::instrumentation::Instrumentation;
use std::time::Duration;

/// From when on the handling of a message is linked to its sender and no longer its child. By
/// default, never.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Redelivery {
    after_deliveries: Option<u64>,
    after_age: Option<Duration>,
}

impl Redelivery {
    pub(crate) const NEVER: Self = Self {
        after_deliveries: None,
        after_age: None,
    };

    pub(crate) fn starts_new_trace(self, message: &Description) -> bool {
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

impl Instrumentation {
    /// Handles a message that was delivered more than this many times in a trace of its own, with
    /// a link to the sender's span, so that retries do not grow a trace that is long over. Off by
    /// default: every delivery is a child of the sender's span.
    ///
    /// 1 keeps the first delivery alone in the sender's trace. Baggage stays. Counted is what the
    /// broker tells: RabbitMQ and JetStream do (see the adapters); Kafka does not, and its re-reads
    /// are known by their [age](Self::with_link_after_age).
    #[must_use]
    pub fn with_link_after_deliveries(mut self, deliveries: u64) -> Self {
        self.redelivery.after_deliveries = Some(deliveries);
        self
    }

    /// Handles a message that was sent longer ago than this in a trace of its own, with a link to
    /// the sender's span, so that replays do not grow traces that are long over. Off by default.
    ///
    /// The age is by this machine's clock and the message's own timestamp, where it has one: with
    /// Kafka it always does, with JetStream the stream's, with RabbitMQ if the sender or the broker
    /// sets it. A sender can lie about it, and then chooses between child and link.
    #[must_use]
    pub fn with_link_after_age(mut self, age: Duration) -> Self {
        self.redelivery.after_age = Some(age);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;

    #[test]
    fn only_what_exceeds_a_limit_starts_a_trace() {
        let hour = Duration::from_secs(3600);
        let by = |by: Instrumentation| by.redelivery;
        let never = by(Instrumentation::default());
        let after_two = by(Instrumentation::default().with_link_after_deliveries(2));
        let after_an_hour = by(Instrumentation::default().with_link_after_age(hour));
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
            let mut description = Description::processed("kafka");
            if let Some(count) = count {
                description.set_delivery_count("count", count);
            }
            if let Some(sent_at) = sent_at {
                description.set_sent_at(sent_at);
            }
            let found =
                [never, after_two, after_an_hour].map(|by| by.starts_new_trace(&description));
            assert_eq!(found, expected, "{count:?} {sent_at:?}");
        }
    }
}
