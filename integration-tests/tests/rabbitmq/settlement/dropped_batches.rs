//! Batches whose handlers panic, and batches whose futures are dropped: what is not settled goes back.

use super::batches::{Batch, Item, MESSAGES, number_of};
use futures_util::FutureExt;
use integration_tests::client::{dropped_after, in_time};
use integration_tests::spans::attribute;
use integration_tests::{apply, broker_test};
use lapin::message::Delivery;
use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::sync::Mutex;

#[apply(broker_test)]
async fn a_batch_that_is_dropped_goes_back_where_it_is_not_settled() {
    let batch = Batch::deliver(MESSAGES).await;
    let by = &batch.shop.spans.instrumentation;
    let settled = by.with_batch_settlement(&batch.deliveries, async |each: Vec<Item<'_>>| {
        for delivery in each.into_iter().take(40) {
            let handled = delivery.with_settlement(async |_: &Delivery| Ok::<_, String>(()));
            handled.await.expect("settled").expect("handled");
        }
        std::future::pending::<Result<(), String>>().await
    });
    let spans = &batch.shop.spans;
    let forty = async {
        while batch.spans_of("ack") < 40 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        _ = settled => unreachable!("it is pending"),
        () = in_time("forty", forty) => {}
    }
    let returned = spans.named(&batch.shop.span("nack"));
    let count = attribute(&returned, "messaging.batch.message_count");
    assert_eq!(count, Some(60.into()));
    let [again, letters] = batch.left().await;
    assert_eq!(again, (40..MESSAGES).collect::<Vec<_>>());
    assert!(letters.is_empty());
}

#[apply(broker_test)]
async fn a_batch_that_panics_goes_back_where_it_is_not_settled() {
    let batch = Batch::deliver(MESSAGES).await;
    let by = &batch.shop.spans.instrumentation;
    let settled = by.with_batch_settlement(&batch.deliveries, async |each: Vec<Item<'_>>| {
        for delivery in each {
            let handled = delivery.with_settlement(async |delivery: &Delivery| {
                tokio::task::yield_now().await;
                assert!(number_of(delivery) < 40, "as a handler may");
                Ok::<_, String>(())
            });
            handled.await.expect("settled").expect("handled");
        }
        Ok::<_, String>(())
    });
    let caught = in_time("a batch", AssertUnwindSafe(settled).catch_unwind()).await;
    assert!(caught.is_err());
    // The one that panics is settled by itself.
    assert_eq!((batch.spans_of("ack"), batch.settled_by("ack")), (40, 40));
    assert_eq!((batch.spans_of("nack"), batch.settled_by("nack")), (2, 60));
    let [again, letters] = batch.left().await;
    assert_eq!(again, (40..MESSAGES).collect::<Vec<_>>());
    assert!(letters.is_empty());
}

/// The first two are settled one by one, and the others with the batch.
#[apply(broker_test)]
async fn a_batch_that_is_dropped_anywhere_settles_each_message_once() {
    const FEW: u16 = 5;
    let mut polls = 0;
    let mut is_dropped = true;
    let mut seen = BTreeSet::new();
    while is_dropped {
        let batch = Batch::deliver(FEW).await;
        let handled = Mutex::new(Vec::new());
        let note = |number| handled.lock().expect("not poisoned").push(number);
        let by = &batch.shop.spans.instrumentation;
        let future = by.with_batch_settlement(&batch.deliveries, async |each: Vec<Item<'_>>| {
            let mut each = each.into_iter();
            for delivery in each.by_ref().take(2) {
                let handled = delivery.with_settlement(async |delivery: &Delivery| {
                    tokio::task::yield_now().await;
                    note(number_of(delivery));
                    Ok::<_, String>(())
                });
                handled.await.expect("settled").expect("handled");
            }
            tokio::task::yield_now().await;
            (2..FEW).for_each(note);
            Ok::<_, String>(())
        });
        is_dropped = in_time("polls", dropped_after(polls, future)).await;
        let handled = handled.into_inner().expect("not poisoned");
        let counted = [batch.settled_by("ack"), batch.settled_by("nack")];
        let [mut again, letters] = batch.left().await;
        assert!(letters.is_empty());
        // Each one that was handled is acknowledged, and each other one comes again.
        let counts = [handled.len(), again.len()].map(|count| i64::try_from(count).expect("few"));
        assert_eq!(counted, counts, "after {polls} polls");
        again.extend(&handled);
        again.sort_unstable();
        assert_eq!(again, (0..FEW).collect::<Vec<_>>(), "after {polls} polls");
        seen.insert(handled.len());
        polls += 1;
    }
    // How soon lapin answers differs. Whatever it does, these are among them: with the first, second and last poll.
    assert!(
        [0, 1, usize::from(FEW)].iter().all(|it| seen.contains(it)),
        "{seen:?}"
    );
}
