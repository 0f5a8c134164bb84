//! Many messages at once, of which some fail, panic, or are given up.

use super::ledger::Ledger;
use super::shop::Shop;
use super::worker::Worker;
use integration_tests::client::in_time;
use integration_tests::{apply, broker_test};
use rdkafka::consumer::CommitMode;
use std::sync::Arc;

async fn all_are_handled(at_once: usize) {
    const EACH: i64 = 60;
    let shop = Shop::open(3).await;
    shop.send(EACH).await;
    let ledger = Arc::new(Ledger::default());
    let worker = Worker::start(shop.reader(), &ledger, at_once);
    let done = [Some(EACH); 3];
    let all = async {
        while shop.committed() != done {
            // Nothing may be new.
            let _ = worker.offsets.commit(CommitMode::Sync);
            ledger.assert_committed(&shop.committed());
            tokio::task::yield_now().await;
        }
    };
    in_time("all messages", all).await;
    assert_eq!(ledger.handled(), 180);
    assert_eq!(ledger.again(), 0);
    worker.stop().await;
    let all = shop.spans.all();
    let count = |operation: &str| {
        let name = shop.span(operation);
        all.iter().filter(|span| span.name == name).count()
    };
    assert_eq!(count("store_offset"), 180);
    assert!(count("process") > 180, "some are tried twice");
}

#[apply(broker_test)]
async fn one_at_a_time_all_are_handled() {
    all_are_handled(1).await;
}

#[apply(broker_test)]
async fn sixty_four_at_a_time_all_are_handled() {
    all_are_handled(64).await;
}
