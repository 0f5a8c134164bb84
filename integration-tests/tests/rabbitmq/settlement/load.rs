//! Many messages at once, of which some fail, panic, or are given up.

use super::{Handled, Shop};
use futures_util::{FutureExt, StreamExt};
use integration_tests::client::in_time;
use integration_tests::rabbitmq::consume;
use integration_tests::{apply, broker_test};
use std::future::pending;
use std::panic::AssertUnwindSafe;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

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

/// Handles orders, of which some fail, panic, or take too long at first.
async fn all_are_handled(at_once: usize) {
    const ORDERS: u32 = 200;
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
    let consumer = consume(&channel, &shop.queue).await;
    let tries = Mutex::new(vec![0_u32; ORDERS as usize]);
    let handled = AtomicU32::new(0);
    let mut handling = consumer
        .map(|delivery| {
            let delivery = delivery.expect("a delivery");
            async {
                let delivery = delivery;
                let order: u32 = String::from_utf8_lossy(&delivery.data)
                    .parse()
                    .expect("a number");
                let before = {
                    let mut tries = tries.lock().expect("not poisoned");
                    tries[order as usize] += 1;
                    tries[order as usize] - 1
                };
                let by = &shop.spans.instrumentation;
                let future = by.with_settlement(&delivery, |_| outcome(order, before));
                let future = AssertUnwindSafe(future).catch_unwind();
                // A handler that never ends is dropped.
                let is_given_up = order % 5 == 2 && before == 0;
                tokio::select! {
                    settled = future => {
                        let settled = settled.map(|settled| settled.expect("settled"));
                        if matches!(settled, Ok(Ok(()))) {
                            handled.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                    () = turns(10), if is_given_up => {}
                }
            }
        })
        .buffer_unordered(at_once);
    let all = async {
        while handled.load(Ordering::Relaxed) < ORDERS {
            handling.next().await.expect("the consumer goes on");
        }
    };
    in_time("all orders", all).await;
    drop(handling);
    let tries = tries.into_inner().expect("not poisoned");
    for (order, tries) in tries.iter().enumerate() {
        assert_eq!(*tries, if order % 5 < 3 { 2 } else { 1 }, "order {order}");
    }
    // Nothing was settled twice: the broker would have closed the channel.
    assert!(channel.status().connected());
    channel.close(200, "done".into()).await.expect("closed");
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
