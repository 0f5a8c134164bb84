//! Messages that were delivered again to this process, for brokers that do not count deliveries.

use opentelemetry::trace::{SpanContext, SpanId, TraceId};
use std::collections::HashMap;
use std::mem;
use std::sync::{LazyLock, Mutex, PoisonError};

/// How many are known at most, twice: the newer ones, and those before them.
const CAPACITY: usize = 512;

/// The sender's span, and the count that came with the message, which is another one if the broker has
/// counted meanwhile.
type Delivery = (TraceId, SpanId, u64);

static RECENT: LazyLock<Mutex<Recent>> = LazyLock::new(Mutex::default);

/// How often deliveries were seen. A sender that makes up more of them than there is room for gains that
/// others are forgotten, and their messages stay in their traces for longer.
#[derive(Debug, Default)]
struct Recent {
    newer: HashMap<Delivery, u64>,
    older: HashMap<Delivery, u64>,
}

/// Notes a delivery, and says how often this process has seen it before.
pub(crate) fn seen_before(sender: &SpanContext, count: u64) -> u64 {
    let mut recent = RECENT.lock().unwrap_or_else(PoisonError::into_inner);
    recent.note((sender.trace_id(), sender.span_id(), count))
}

impl Recent {
    fn note(&mut self, delivery: Delivery) -> u64 {
        if let Some(seen) = self.newer.get_mut(&delivery) {
            *seen = seen.saturating_add(1);
            return *seen - 1;
        }
        let before = self.older.remove(&delivery).unwrap_or(0);
        if self.newer.len() >= CAPACITY {
            self.older = mem::take(&mut self.newer);
        }
        self.newer.insert(delivery, before.saturating_add(1));
        before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivery(number: u64) -> Delivery {
        let id = number.to_be_bytes();
        (TraceId::from_bytes([7; 16]), SpanId::from_bytes(id), 2)
    }

    #[test]
    fn what_comes_often_is_remembered_and_the_rest_is_bounded() {
        let mut recent = Recent::default();
        for round in 0..20 {
            assert_eq!(recent.note(delivery(0)), round);
            for other in 0..100 {
                let number = 1 + 100 * round + other;
                assert_eq!(recent.note(delivery(number)), 0, "{number}");
            }
            assert!(recent.newer.len() + recent.older.len() <= 2 * CAPACITY);
        }
        assert_eq!(recent.note(delivery(1)), 0, "forgotten");
    }
}
