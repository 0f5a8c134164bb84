//! Many messages, with handlers that fail at random, one after the other and 64 at once.

use super::orders::{Orders, reply};
use async_nats::jetstream::Message;
use futures_util::FutureExt;
use integration_tests::client::in_time;
use integration_tests::{apply, broker_test};
use opentelemetry::trace::Status;
use otel_messaging_async_nats::Settlement;
use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::{Arc, Mutex};
use tokio::task::{JoinSet, yield_now};

const ORDERS: usize = 300;

/// What becomes of a delivery. Its third delivery and later ones are handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Handled,
    Fails,
    Panics,
    /// Its future is dropped after so many polls.
    Dropped(u64),
}

impl Fate {
    fn of(message: &Message) -> Self {
        let info = message.info().expect("a reply");
        let mut hasher = DefaultHasher::new();
        (info.stream_sequence, info.delivered).hash(&mut hasher);
        match hasher.finish() % 10 {
            _ if info.delivered > 2 => Self::Handled,
            0 => Self::Fails,
            1 => Self::Panics,
            number @ 2..5 => Self::Dropped(number - 2),
            _ => Self::Handled,
        }
    }
}

/// What was seen of the deliveries, by their reply subjects.
type Seen = Arc<Mutex<BTreeMap<String, (Fate, String)>>>;

async fn handle(
    billing: otel_messaging_async_nats::consumer::Consumer,
    message: Message,
    seen: Seen,
) {
    let fate = Fate::of(&message);
    let order = String::from_utf8(message.payload.to_vec()).expect("text");
    let before = seen
        .lock()
        .expect("not poisoned")
        .insert(reply(&message), (fate, order));
    assert_eq!(before, None, "each delivery has a reply subject of its own");
    let settled = billing.with_settlement(&message, async |_| {
        for _ in 0..3 {
            yield_now().await;
        }
        match fate {
            Fate::Fails => Err("no such card"),
            Fate::Panics => resume_unwind(Box::new("no such card")),
            Fate::Handled | Fate::Dropped(_) => Ok(()),
        }
    });
    let mut settled = Box::pin(AssertUnwindSafe(settled.or(Settlement::Nak(None))).catch_unwind());
    if let Fate::Dropped(polls) = fate {
        for _ in 0..polls {
            assert!(settled.as_mut().now_or_never().is_none());
        }
        return;
    }
    match settled.await {
        Ok(result) => assert_eq!(result.expect("settled").is_ok(), fate == Fate::Handled),
        Err(_) => assert_eq!(fate, Fate::Panics),
    }
}

async fn handled_at_once(at_once: usize) {
    let mut orders = Orders::new(ORDERS).await;
    let seen = Seen::default();
    let mut handling = JoinSet::new();
    let is_done = |seen: &Seen| {
        let seen = seen.lock().expect("not poisoned");
        let handled = seen.values().filter(|(fate, _)| *fate == Fate::Handled);
        let handled: BTreeSet<_> = handled.map(|(_, order)| order.clone()).collect();
        handled.len() == ORDERS
    };
    while !is_done(&seen) {
        while handling.len() < at_once && !is_done(&seen) {
            let message = tokio::select! {
                message = orders.next() => message,
                Some(handled) = handling.join_next() => {
                    handled.expect("no panic");
                    continue;
                }
            };
            handling.spawn(handle(orders.billing.clone(), message, seen.clone()));
        }
        let handled = in_time("a handler", handling.join_next()).await;
        handled.expect("a handler").expect("no panic");
    }
    while let Some(handled) = in_time("a handler", handling.join_next()).await {
        handled.expect("no panic");
    }
    orders.all_settled(ORDERS as u64).await;

    // Each delivery was settled once, by its fate; so each order was acknowledged once.
    let mut settlements = orders.settlements().await;
    let seen = std::mem::take(&mut *seen.lock().expect("not poisoned"));
    assert!(seen.len() > ORDERS, "some come again");
    let mut acknowledged = BTreeSet::new();
    for (reply, (fate, order)) in seen {
        let expected = if fate == Fate::Handled { "" } else { "-NAK" };
        assert_eq!(settlements.remove(&reply), Some(vec![expected.to_owned()]));
        if fate == Fate::Handled {
            assert!(acknowledged.insert(order), "it is acknowledged once");
        }
    }
    assert!(settlements.is_empty(), "{settlements:?}");
    assert_eq!(acknowledged.len(), ORDERS);
    orders.spans.counts.all_ended().await;
    let of_settlements = |name: &str| {
        let all = orders.spans.all();
        let name = format!("{name} {}", orders.subject);
        let named = all.into_iter().filter(|span| span.name == name);
        named.filter(|span| span.status == Status::Unset).count()
    };
    assert_eq!(of_settlements("ack"), ORDERS);
}

#[apply(broker_test)]
async fn one_after_the_other() {
    handled_at_once(1).await;
}

#[apply(broker_test)]
async fn many_at_once() {
    handled_at_once(64).await;
}
