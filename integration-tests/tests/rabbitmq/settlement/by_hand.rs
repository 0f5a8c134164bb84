//! Messages that are settled by hand, in their handlers.

use super::{Handled, Left, Shop};
use integration_tests::client::in_time;
use integration_tests::{apply, broker_test};
use lapin::message::Delivery;
use lapin::options::BasicAckOptions;
use otel_messaging_lapin::{Settlement, guard};
use std::future::pending;

#[apply(broker_test)]
async fn what_the_handler_settles_stays_so() {
    // By a guard, with a span.
    let shop = Shop::open().await;
    let (receiver, delivery) = shop.delivery().await;
    let guard = shop.spans.instrumentation.guard(&delivery);
    let handled = guard.with_settlement(&delivery, async |_: &Delivery| {
        guard.ack().await.map_err(|error| error.to_string())?;
        Err::<(), _>("too late".to_owned())
    });
    let handled = in_time("a handler", handled).await;
    assert_eq!(handled, Ok(Err("too late".to_owned())));
    drop(guard);
    assert_eq!(shop.left(receiver).await, Left::Nowhere);
    shop.assert_settled("ack");

    // By the client's own method, without one.
    let shop = Shop::open().await;
    let (receiver, delivery) = shop.delivery().await;
    let by = &shop.spans.instrumentation;
    let settled = by.with_settlement(&delivery, async |delivery: &Delivery| {
        assert!(
            delivery
                .ack(BasicAckOptions::default())
                .await
                .expect("acked")
        );
        Err::<(), _>("too late")
    });
    let settled = in_time("a handler", settled.or(Settlement::Reject)).await;
    assert_eq!(settled, Ok(Err("too late")));
    assert_eq!(shop.left(receiver).await, Left::Nowhere);
    assert_eq!(shop.spans.all().len(), 1);
}

#[apply(broker_test)]
async fn a_guard_that_is_dropped_gives_its_message_back() {
    let shop = Shop::open().await;
    let (receiver, delivery) = shop.delivery().await;
    let kept = guard(&delivery);
    drop(delivery);
    drop(kept.clone());
    assert!(!kept.is_settled());
    drop(kept);
    assert_eq!(shop.left(receiver).await, Left::Queue(true));
}

/// The guard outlives the handler that is cancelled, and the message goes back all the same, inside its span.
#[apply(broker_test)]
async fn a_cancelled_handler_that_has_the_guard_gives_the_message_back() {
    let shop = Shop::open().await;
    let (receiver, delivery) = shop.delivery().await;
    let guard = shop.spans.instrumentation.guard(&delivery);
    tokio::select! {
        biased;
        _ = guard.with_settlement(&delivery, async |_: &Delivery| -> Handled { pending().await }) => {}
        () = tokio::task::yield_now() => {}
    }
    assert!(guard.is_settled());
    assert_eq!(shop.left(receiver).await, Left::Queue(true));
    shop.assert_settled("nack");
}

/// A delivery does not know what its channel has settled. The README says what comes of it.
#[apply(broker_test)]
async fn the_channels_own_methods_pass_the_delivery_by() {
    let shop = Shop::open().await;
    let (receiver, delivery) = shop.delivery().await;
    let by = &shop.spans.instrumentation;
    let settled = by.with_settlement(&delivery, async |delivery: &Delivery| {
        let (tag, options) = (delivery.delivery_tag, BasicAckOptions::default());
        receiver.channel.basic_ack(tag, options).await
    });
    let handled = in_time("a handler", settled).await.expect("sent");
    handled.expect("settled by hand");
    let is_closed = async {
        while receiver.channel.status().connected() {
            tokio::task::yield_now().await;
        }
    };
    in_time("the end of the channel", is_closed).await;
    assert!(shop.get(&shop.queue).await.is_none());
}
