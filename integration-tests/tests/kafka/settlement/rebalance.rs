//! Consumers that join and leave a group while its messages are handled.

use super::accept;
use super::ledger::Ledger;
use super::shop::Shop;
use super::worker::Worker;
use integration_tests::client::in_time;
use integration_tests::{apply, broker_test};
use otel_messaging_rdkafka::{Assignment, HasAssignment, Offsets};
use rdkafka::consumer::{
    BaseConsumer, CommitMode, Consumer, ConsumerContext, Rebalance, StreamConsumer,
};
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{ClientConfig, ClientContext};
use std::sync::Arc;
use tokio::sync::watch;

/// The context of an application, which counts what it was called for.
struct Own {
    assignment: Assignment,
    assigned: watch::Sender<usize>,
}

impl ClientContext for Own {}

impl ConsumerContext for Own {
    fn pre_rebalance(&self, _consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        self.assignment.pre_rebalance(rebalance);
    }

    fn post_rebalance(&self, _consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Assign(partitions) = rebalance
            && partitions.count() > 0
        {
            self.assigned.send_modify(|count| *count += 1);
        }
    }
}

impl HasAssignment for Own {
    fn assignment(&self) -> &Assignment {
        &self.assignment
    }
}

/// A member of the group, and how often partitions were assigned to it.
fn join(
    shop: &Shop,
    config: &ClientConfig,
    ledger: &Arc<Ledger>,
) -> (Worker, watch::Receiver<usize>) {
    let (assigned, count) = watch::channel(0);
    let context = Own {
        assignment: Assignment::default(),
        assigned,
    };
    let consumer: StreamConsumer<Own> = config.create_with_context(context).expect("a consumer");
    let consumer = Arc::new(consumer);
    consumer.subscribe(&[&shop.topic.name]).expect("subscribed");
    let offsets = Offsets::new(Arc::clone(&consumer)).expect("offsets");
    let offsets = offsets.with_instrumentation(&shop.spans.instrumentation);
    (Worker::start_with(consumer, offsets, ledger, 8), count)
}

async fn nothing_is_lost_over_rebalances(strategy: &str, commits_by_itself: bool) {
    const EACH: i64 = 150;
    const ALL: usize = 6 * 150;
    let shop = Shop::open(6).await;
    shop.send(EACH).await;
    let mut config = shop.config();
    config.set("partition.assignment.strategy", strategy);
    // So that there is something left to rebalance.
    config
        .set("queued.min.messages", "1")
        .set("fetch.message.max.bytes", "500");
    if commits_by_itself {
        config.set("enable.auto.commit", "true");
        config.set("auto.commit.interval.ms", "20");
    }
    let ledger = Arc::new(Ledger::default());
    let (stays, mut of_it) = join(&shop, &config, &ledger);
    in_time("partitions", of_it.wait_for(|count| *count > 0))
        .await
        .expect("it goes on");
    let until = async |enough: usize| {
        let handled = async {
            while ledger.handled() < enough {
                if !commits_by_itself {
                    let _ = stays.offsets.commit(CommitMode::Sync);
                }
                ledger.assert_committed(&shop.committed());
                tokio::task::yield_now().await;
            }
        };
        in_time("messages", handled).await;
    };
    for part in 1..=3 {
        until(part * ALL / 5).await;
        let (guest, mut of_it) = join(&shop, &config, &ledger);
        in_time("partitions", of_it.wait_for(|count| *count > 0))
            .await
            .expect("it goes on");
        if !commits_by_itself {
            // May have nothing new, or be in the middle of a rebalance.
            let _ = guest.offsets.commit(CommitMode::Sync);
        }
        ledger.assert_committed(&shop.committed());
        guest.stop().await;
        ledger.assert_committed(&shop.committed());
    }
    until(ALL).await;
    let committed = async {
        while shop.committed() != [Some(EACH); 6] {
            if !commits_by_itself {
                let _ = stays.offsets.commit(CommitMode::Sync);
            }
            ledger.assert_committed(&shop.committed());
            tokio::task::yield_now().await;
        }
    };
    in_time("the last commit", committed).await;
    assert_eq!(ledger.handled(), ALL);
    stays.stop().await;
}

#[apply(broker_test)]
async fn nothing_is_lost_when_all_partitions_move() {
    nothing_is_lost_over_rebalances("range", false).await;
}

#[apply(broker_test)]
async fn nothing_is_lost_when_some_partitions_move() {
    nothing_is_lost_over_rebalances("cooperative-sticky", false).await;
}

#[apply(broker_test)]
async fn nothing_is_lost_when_the_client_commits() {
    nothing_is_lost_over_rebalances("range", true).await;
}

/// A message from before the revocation, whose partition is back.
#[apply(broker_test)]
async fn a_message_of_an_earlier_assignment_stores_nothing() {
    let shop = Shop::open(1).await;
    shop.send(3).await;
    let reader = shop.unassigned(&shop.config());
    let topics = [&*shop.topic.name];
    reader.consumer.subscribe(&topics).expect("subscribed");
    let early = reader.offsets.register(reader.at(0).await);
    let early_too = reader.offsets.register(reader.at(1).await);
    reader.consumer.unsubscribe();
    reader
        .consumer
        .subscribe(&topics)
        .expect("subscribed again");
    // The same messages again: nothing was stored.
    let first = reader.offsets.register(reader.at(0).await);
    let second = reader.at(1).await;
    let settled = reader.offsets.with_settlement(&second, accept).await;
    assert_eq!(settled, Ok(Ok(())));
    for early in [&early, &early_too] {
        let settled = reader
            .offsets
            .consumer()
            .with_settlement(early, accept)
            .await;
        let error = settled.expect_err("of before");
        assert_eq!(error, KafkaError::StoreOffset(RDKafkaErrorCode::State));
    }
    assert!(!reader.commit());
    let settled = reader
        .offsets
        .consumer()
        .with_settlement(&first, accept)
        .await;
    assert_eq!(settled, Ok(Ok(())));
    assert!(reader.commit());
    assert_eq!(shop.committed(), [Some(2)]);
}

/// What is stored when a partition is revoked is committed, if librdkafka commits at all.
#[apply(broker_test)]
async fn what_is_stored_is_committed_before_the_partition_goes() {
    let shop = Shop::open(1).await;
    shop.send(2).await;
    let mut config = shop.config();
    config.set("enable.auto.commit", "true");
    config.set("auto.commit.interval.ms", "3600000");
    let reader = shop.unassigned(&config);
    reader
        .consumer
        .subscribe(&[&shop.topic.name])
        .expect("subscribed");
    let message = reader.at(0).await;
    let settled = reader.offsets.with_settlement(&message, accept).await;
    assert_eq!(settled, Ok(Ok(())));
    let left = reader.offsets.register(reader.at(1).await);
    assert_eq!(shop.committed(), [None]);
    // The message keeps the consumer open.
    drop(reader);
    assert_eq!(shop.committed(), [None]);
    let closed = tokio::task::spawn_blocking(move || drop(left));
    in_time("a close", closed).await.expect("no panic");
    assert_eq!(shop.committed(), [Some(1)]);
}
