//! Handlers that panic, and futures that are dropped: their offsets are left.

use super::accept;
use super::shop::{Handled, Reader, Shop};
use futures_util::FutureExt;
use integration_tests::client::{dropped_after, in_time};
use integration_tests::{apply, broker_test};
use rdkafka::message::OwnedMessage;
use std::future::pending;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

/// The group is before the first message, also when the second is handled, and gets both again.
async fn assert_left(shop: &Shop, reader: Reader) {
    shop.assert_settled(false);
    let second = reader.at(1).await;
    let settled = reader.offsets.with_settlement(&second, accept).await;
    assert_eq!(settled, Ok(Ok(())));
    assert!(!reader.commit());
    assert_eq!(shop.committed(), [None]);
    drop(reader);
    let reader = shop.reader();
    reader.at(0).await;
    reader.at(1).await;
}

async fn shop() -> (Shop, Reader, OwnedMessage) {
    let shop = Shop::open(1).await;
    shop.send(2).await;
    let reader = shop.reader();
    let message = reader.at(0).await;
    (shop, reader, message)
}

#[apply(broker_test)]
async fn a_panic_leaves_the_offset() {
    let (shop, reader, message) = shop().await;
    let handler = async |_: &OwnedMessage| -> Handled { panic!("as a handler may") };
    let settled = reader.offsets.with_settlement(&message, handler);
    let caught = AssertUnwindSafe(settled).catch_unwind().await;
    assert!(caught.is_err());
    assert_left(&shop, reader).await;
}

/// The settlement is done in the poll in which the handler is.
#[apply(broker_test)]
async fn a_future_that_is_dropped_anywhere_leaves_the_offset() {
    for polls in 0..3 {
        let (shop, reader, message) = shop().await;
        let future = reader.offsets.with_settlement(&message, yielding);
        assert!(in_time("polls", dropped_after(polls, future)).await);
        assert_left(&shop, reader).await;
    }
    let (shop, reader, message) = shop().await;
    let future = reader.offsets.with_settlement(&message, yielding);
    assert!(!in_time("polls", dropped_after(3, future)).await);
    assert!(reader.commit());
    assert_eq!(shop.committed(), [Some(1)]);
}

async fn yielding(_message: &OwnedMessage) -> Handled {
    tokio::task::yield_now().await;
    tokio::task::yield_now().await;
    Ok(())
}

#[apply(broker_test)]
async fn a_task_that_is_aborted_leaves_the_offset() {
    let (shop, reader, message) = shop().await;
    let offsets = reader.offsets.clone();
    let message = offsets.register(message);
    let (began, begins) = tokio::sync::oneshot::channel();
    let task = tokio::spawn(async move {
        let handled = offsets
            .consumer()
            .with_settlement(&message, async move |_| {
                began.send(()).expect("the test waits");
                pending::<Handled>().await
            });
        handled.await
    });
    in_time("a handler", begins).await.expect("it begins");
    task.abort();
    let aborted = in_time("an abort", task).await;
    assert!(aborted.expect_err("aborted").is_cancelled());
    assert_left(&shop, reader).await;
}

#[apply(broker_test)]
async fn a_runtime_that_shuts_down_leaves_the_offset() {
    let (shop, reader, message) = shop().await;
    let offsets = reader.offsets.clone();
    let message = offsets.register(message);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (began, begins) = tokio::sync::oneshot::channel();
    runtime.spawn(async move {
        let handled = offsets
            .consumer()
            .with_settlement(&message, async move |_| {
                began.send(()).expect("the test waits");
                pending::<Handled>().await
            });
        handled.await
    });
    in_time("a handler", begins).await.expect("it begins");
    let ended = tokio::task::spawn_blocking(|| runtime.shutdown_timeout(Duration::from_secs(5)));
    ended.await.expect("shut down");
    assert_left(&shop, reader).await;
}

#[apply(broker_test)]
async fn select_leaves_the_offset() {
    let (shop, reader, message) = shop().await;
    let handler = async |_: &OwnedMessage| -> Handled { pending().await };
    tokio::select! {
        biased;
        _ = reader.offsets.with_settlement(&message, handler) => {}
        () = tokio::task::yield_now() => {}
    }
    assert_left(&shop, reader).await;
}

/// A message that is registered and dropped before anything handles it.
#[apply(broker_test)]
async fn a_message_that_nobody_handles_leaves_the_offset() {
    let (shop, reader, message) = shop().await;
    drop(reader.offsets.guard(&message));
    let settled = reader
        .offsets
        .with_settlement(&message, async |_: &OwnedMessage| Err::<(), _>("no"));
    assert_eq!(settled.await, Ok(Err("no")));
    assert_left(&shop, reader).await;
}
