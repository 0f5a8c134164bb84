//! When a message that comes again starts a trace of its own.

use crate::message::info::MessageInfo;
use crate::policy::recent;
use opentelemetry::Context;
use opentelemetry::trace::TraceContextExt;
use std::time::Duration;

/// From when on the handling of a message is linked to its sender and no longer its child.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Redelivery {
    pub(crate) after_deliveries: u64,
    pub(crate) after_age: Option<Duration>,
}

/// A poison message comes back without end, as fast as it fails. More than a few retries are no part of
/// what its sender has asked for.
impl Default for Redelivery {
    fn default() -> Self {
        Self {
            after_deliveries: 10,
            after_age: None,
        }
    }
}

impl Redelivery {
    /// Whether the handling of this message starts a trace. The message has come in `carried`, with its sender's span.
    #[inline]
    pub(crate) fn starts_new_trace(self, message: &MessageInfo<'_>, carried: &Context) -> bool {
        match message.delivery_count() {
            Some(count) => self.is_too_often(message, count, carried) || self.is_too_old(message),
            None => self.is_too_old(message),
        }
    }

    #[inline(never)]
    fn is_too_often(self, message: &MessageInfo<'_>, count: u64, carried: &Context) -> bool {
        let sender = carried.span();
        let sender = sender.span_context();
        // A classic queue of RabbitMQ says only that it delivers again, and says so each time.
        let is_again = message.is_uncounted_redelivery()
            && count <= self.after_deliveries
            && sender.is_valid();
        let uncounted = is_again.then(|| recent::seen_before(sender, count));
        count.saturating_add(uncounted.unwrap_or(0)) > self.after_deliveries
    }

    #[inline]
    fn is_too_old(self, message: &MessageInfo<'_>) -> bool {
        // A clock that is behind the sender's makes no message old.
        let age = || message.sent_at()?.elapsed().ok();
        let is_over = |limit| age().is_some_and(|age| age > limit);
        self.after_age.is_some_and(is_over)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::destination::Destination;
    use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};
    use std::time::SystemTime;

    #[test]
    fn only_what_exceeds_a_limit_starts_a_trace() {
        let hour = Duration::from_secs(3600);
        let by_default = Redelivery::default();
        let never = Redelivery {
            after_deliveries: u64::MAX,
            ..by_default
        };
        let after_two = Redelivery {
            after_deliveries: 2,
            ..never
        };
        let after_an_hour = Redelivery {
            after_age: Some(hour),
            ..never
        };
        let now = SystemTime::now();
        for (count, sent_at, expected) in [
            (None, None, [false; 4]),
            (Some(2), Some(now), [false; 4]),
            (Some(3), Some(now), [false, false, true, false]),
            (Some(10), None, [false, false, true, false]),
            (Some(11), None, [true, false, true, false]),
            (Some(u64::MAX), None, [true, false, true, false]),
            (None, Some(now - 2 * hour), [false, false, false, true]),
            (
                None,
                Some(SystemTime::UNIX_EPOCH),
                [false, false, false, true],
            ),
            (None, Some(now + 2 * hour), [false; 4]),
        ] {
            let message = MessageInfo::new(Destination::named("orders"))
                .with_delivery_count(count)
                .with_sent_at(sent_at);
            let found = [by_default, never, after_two, after_an_hour]
                .map(|by| by.starts_new_trace(&message, &Context::new()));
            assert_eq!(found, expected, "{count:?} {sent_at:?}");
        }
    }

    #[test]
    fn deliveries_that_the_broker_does_not_count_are_counted_here() {
        let sender = Context::new().with_remote_span_context(SpanContext::new(
            TraceId::from(0x0af7_6519_16cd_43dd),
            SpanId::from(0xb7ad),
            TraceFlags::SAMPLED,
            true,
            TraceState::NONE,
        ));
        let message = |count| {
            MessageInfo::new(Destination::named("orders"))
                .with_delivery_count(Some(count))
                .with_uncounted_redelivery(count > 1)
        };
        let by = Redelivery::default();
        let starts = |count| by.starts_new_trace(&message(count), &sender);
        // As a classic queue: the first one, and then "again" without end.
        assert!(!starts(1));
        let again: Vec<bool> = (2..=14).map(|_| starts(2)).collect();
        let expected: Vec<bool> = (2..=14).map(|delivery| delivery > 10).collect();
        assert_eq!(again, expected);
        // As a broker that counts, also for two consumers in this process.
        for count in 2..=12 {
            let counted = message(count).with_uncounted_redelivery(false);
            let found = [(); 2].map(|()| by.starts_new_trace(&counted, &sender));
            assert_eq!(found, [count > 10; 2], "{count}");
        }
    }
}
