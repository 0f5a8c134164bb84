//! Handlers that panic, and futures that are dropped: their messages go back.

use super::{Handled, Left, Shop};
use futures_util::FutureExt;
use integration_tests::client::{dropped_after, in_time};
use integration_tests::{apply, broker_test};
use lapin::message::Delivery;
use std::future::pending;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

#[apply(broker_test)]
async fn a_panic_gives_the_message_back() {
    let shop = Shop::open().await;
    let (receiver, delivery) = shop.delivery().await;
    let by = &shop.spans.instrumentation;
    let settled = by.with_settlement(&delivery, async |_: &Delivery| -> Handled {
        panic!("as a handler may");
    });
    let caught = AssertUnwindSafe(settled).catch_unwind().await;
    assert!(caught.is_err());
    assert_eq!(shop.left(receiver).await, Left::Queue(true));
    shop.assert_settled("nack");
}

#[apply(broker_test)]
async fn a_future_that_is_dropped_anywhere_settles_its_message_once() {
    let mut polls = 0;
    let mut is_dropped = true;
    let mut left = Vec::new();
    while is_dropped {
        let shop = Shop::open().await;
        let (receiver, delivery) = shop.delivery().await;
        let by = &shop.spans.instrumentation;
        let handler = async |_: &Delivery| -> Handled {
            tokio::task::yield_now().await;
            tokio::task::yield_now().await;
            Ok(())
        };
        let future = by.with_settlement(&delivery, handler);
        is_dropped = in_time("polls", dropped_after(polls, future)).await;
        left.push(shop.left(receiver).await);
        shop.assert_settled(if left.last() == Some(&Left::Nowhere) {
            "ack"
        } else {
            "nack"
        });
        polls += 1;
    }
    let (handled, returned) = (Left::Nowhere, Left::Queue(true));
    // The handler is done with its third poll, and lapin has the settlement with its first.
    assert!(left.len() > 3, "{left:?}");
    let is_right =
        |(polls, left): (usize, &Left)| *left == *if polls < 3 { &returned } else { &handled };
    assert!(left.iter().enumerate().all(is_right), "{left:?}");
}

#[apply(broker_test)]
async fn a_task_that_is_aborted_gives_its_message_back() {
    let shop = Shop::open().await;
    let (receiver, delivery) = shop.delivery().await;
    let by = shop.spans.instrumentation.clone();
    let (began, begins) = tokio::sync::oneshot::channel();
    let task = tokio::spawn(async move {
        let handler = async move |_: &Delivery| -> Handled {
            began.send(()).expect("the test waits");
            pending().await
        };
        by.with_settlement(&delivery, handler).await
    });
    in_time("a handler", begins).await.expect("it begins");
    task.abort();
    let aborted = in_time("an abort", task).await;
    assert!(aborted.expect_err("aborted").is_cancelled());
    assert_eq!(shop.left(receiver).await, Left::Queue(true));
    shop.assert_settled("nack");
}

#[apply(broker_test)]
async fn a_runtime_that_shuts_down_gives_its_messages_back() {
    let shop = Shop::open().await;
    let (receiver, delivery) = shop.delivery().await;
    let by = shop.spans.instrumentation.clone();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (began, begins) = tokio::sync::oneshot::channel();
    runtime.spawn(async move {
        let handler = async move |_: &Delivery| -> Handled {
            began.send(()).expect("the test waits");
            pending().await
        };
        by.with_settlement(&delivery, handler).await
    });
    in_time("a handler", begins).await.expect("it begins");
    let ended = tokio::task::spawn_blocking(|| runtime.shutdown_timeout(Duration::from_secs(5)));
    ended.await.expect("shut down");
    assert_eq!(shop.left(receiver).await, Left::Queue(true));
    shop.assert_settled("nack");
}

#[apply(broker_test)]
async fn select_gives_the_message_back() {
    let shop = Shop::open().await;
    let (receiver, delivery) = shop.delivery().await;
    let by = &shop.spans.instrumentation;
    tokio::select! {
        biased;
        _ = by.with_settlement(&delivery, async |_: &Delivery| -> Handled { pending().await }) => {}
        () = tokio::task::yield_now() => {}
    }
    assert_eq!(shop.left(receiver).await, Left::Queue(true));
    shop.assert_settled("nack");
}
