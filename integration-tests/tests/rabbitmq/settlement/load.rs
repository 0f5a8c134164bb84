//! Many messages at once, of which some fail, panic, or are given up.

use super::{Handled, Shop, consumers_gone};
use futures_util::FutureExt;
use integration_tests::client::in_time;
use integration_tests::rabbitmq::{consume, next};
use integration_tests::{apply, broker_test};
use lapin::message::Delivery;
use otel_messaging_lapin::Instrumentation;
use std::collections::BTreeMap;
use std::future::pending;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use tokio::task::JoinSet;

async fn turns(count: u32) {
    for _ in 0..count {
        tokio::task::yield_now().await;
    }
}

/// What becomes of an order, by its number and how often it was delivered before.
async fn outcome(order: u32, tries: u32) -> Handled {
    turns(order % 7).await;
    match (order % 5, tries) {
        (0, 0) => Err("not yet"),
        (1, 0) => panic!("as a handler may"),
        (2, 0) => pending().await,
        _ => Ok(()),
    }
}

const ORDERS: u32 = 200;

/// How often each order was delivered, and how many are handled.
#[derive(Default)]
struct Progress {
    tries: Mutex<BTreeMap<u32, u32>>,
    handled: AtomicU32,
}

/// Handles a delivery, or gives it up.
async fn handle(by: Instrumentation, delivery: Delivery, progress: Arc<Progress>) {
    let order = String::from_utf8_lossy(&delivery.data);
    let order: u32 = order.parse().expect("a number");
    let before = {
        let mut tries = progress.tries.lock().expect("not poisoned");
        let tries = tries.entry(order).or_default();
        *tries += 1;
        *tries - 1
    };
    let future = by.with_settlement(&delivery, |_| outcome(order, before));
    let future = AssertUnwindSafe(future).catch_unwind();
    // A handler that never ends is dropped.
    let is_given_up = order % 5 == 2 && before == 0;
    tokio::select! {
        settled = future => {
            let settled = settled.map(|settled| settled.expect("settled"));
            if matches!(settled, Ok(Ok(()))) {
                progress.handled.fetch_add(1, Ordering::Relaxed);
            }
        }
        () = turns(10), if is_given_up => {}
    }
}

/// Handles orders, of which some fail, panic, or take too long at first, each in a task of its own.
async fn all_are_handled(at_once: usize) {
    let shop = Shop::open().await;
    shop.get(&shop.queue)
        .await
        .expect("the order of every shop");
    for order in 0..ORDERS {
        shop.publish(&order.to_string()).await;
    }
    let channel = shop.client.open_channel().await;
    let prefetch = u16::try_from(at_once).expect("a prefetch");
    channel
        .basic_qos(prefetch, Default::default())
        .await
        .expect("a prefetch");
    let mut consumer = consume(&channel, &shop.queue).await;
    let progress = Arc::new(Progress::default());
    let mut handling = JoinSet::new();
    let all = async {
        while progress.handled.load(Ordering::Relaxed) < ORDERS {
            // The broker gives no more than are handled at once.
            tokio::select! {
                delivery = next(&mut consumer) => {
                    let by = shop.spans.instrumentation.clone();
                    handling.spawn(handle(by, delivery, Arc::clone(&progress)));
                }
                Some(handled) = handling.join_next() => handled.expect("no panic"),
            }
        }
        while let Some(handled) = handling.join_next().await {
            handled.expect("no panic");
        }
    };
    in_time("all orders", all).await;
    let tries = std::mem::take(&mut *progress.tries.lock().expect("not poisoned"));
    assert_eq!(tries.len(), ORDERS as usize);
    for (order, tries) in tries {
        assert_eq!(tries, if order % 5 < 3 { 2 } else { 1 }, "order {order}");
    }
    // Nothing was settled twice: the broker would have closed the channel.
    assert!(channel.status().connected());
    channel.close(200, "done".into()).await.expect("closed");
    consumers_gone(&shop.client.channel, &shop.queue).await;
    assert!(shop.get(&shop.queue).await.is_none());
    let all = shop.spans.all();
    let count = |name: &str| {
        all.iter()
            .filter(|span| span.name == shop.span(name))
            .count()
    };
    assert_eq!(
        (count("process"), count("ack"), count("nack")),
        (320, 200, 120)
    );
}

#[apply(broker_test)]
async fn one_at_a_time_all_are_handled() {
    all_are_handled(1).await;
}

#[apply(broker_test)]
async fn sixty_four_at_a_time_all_are_handled() {
    all_are_handled(64).await;
}
