//! Messages whose offsets are stored by the outcome of their handlers.

mod batches;
mod dropped;
mod killed;
mod ledger;
mod load;
mod rebalance;
mod shop;
mod worker;

use integration_tests::client::{PATIENCE, in_time, unique};
use integration_tests::spans::{assert_child, assert_unfailed, attribute};
use integration_tests::{apply, broker_test};
use opentelemetry::trace::Status;
use otel_messaging_rdkafka::{Failure, InjectingProducer, Settlement, guard, with_settlement_with};
use rdkafka::consumer::{CommitMode, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::OwnedMessage;
use rdkafka::producer::FutureProducer;
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{Message, Offset};
use shop::{Handled, Shop};

async fn refuse<M>(_message: &M) -> Handled {
    Err("no such order")
}

async fn accept<M>(_message: &M) -> Handled {
    Ok(())
}

#[apply(broker_test)]
async fn an_offset_is_stored_by_the_handlers_outcome() {
    for (handled, chosen, is_stored) in [
        (Ok(()), None, true),
        (Err("no order"), None, false),
        (Err("no order"), Some(Settlement::Leave), false),
        (Err("no order"), Some(Settlement::Store), true),
    ] {
        let shop = Shop::open(1).await;
        shop.send(1).await;
        let reader = shop.reader();
        let message = reader.at(0).await;
        let settling = (reader.offsets).with_settlement(&message, async |_: &OwnedMessage| handled);
        let settled = match chosen {
            Some(chosen) => settling.or(chosen).await,
            None => settling.await,
        };
        assert_eq!(settled, Ok(handled));
        assert_eq!(reader.commit(), is_stored);
        assert_eq!(shop.committed(), [is_stored.then_some(1)]);
        shop.assert_settled(is_stored);
        let process = shop.spans.named(&shop.span("process"));
        let status = handled.map_or_else(Status::error, |()| Status::Unset);
        assert_eq!(process.status, status);
    }
}

/// The group gets it again, and all after it, until it is handled.
#[apply(broker_test)]
async fn a_failed_message_holds_back_the_offsets_behind_it() {
    let shop = Shop::open(1).await;
    shop.send(4).await;
    let reader = shop.reader();
    for offset in 0..3 {
        let message = reader.at(offset).await;
        let settled = match offset {
            1 => reader.offsets.with_settlement(&message, refuse).await,
            _ => reader.offsets.with_settlement(&message, accept).await,
        };
        settled.expect("settled").unwrap_or_default();
    }
    assert!(reader.commit());
    assert_eq!(shop.committed(), [Some(1)]);
    drop(reader);

    // Another one starts there. Its second try lifts the mark.
    let reader = shop.reader();
    let failed = reader.at(1).await;
    let settled = reader.offsets.with_settlement(&failed, refuse).await;
    assert_eq!(settled, Ok(Err("no such order")));
    let after = reader.at(2).await;
    let settled = reader.offsets.with_settlement(&after, accept).await;
    assert_eq!(settled, Ok(Ok(())));
    assert!(!reader.commit());
    let settled = reader.offsets.with_settlement(&failed, accept).await;
    assert_eq!(settled, Ok(Ok(())));
    assert!(reader.commit());
    assert_eq!(shop.committed(), [Some(3)]);
    reader.at(3).await;
}

#[apply(broker_test)]
async fn a_message_that_is_read_again_lifts_the_mark() {
    let shop = Shop::open(1).await;
    shop.send(3).await;
    let reader = shop.reader();
    for offset in 0..2 {
        let message = reader.at(offset).await;
        let settled = match offset {
            0 => reader.offsets.with_settlement(&message, refuse).await,
            _ => reader.offsets.with_settlement(&message, accept).await,
        };
        settled.expect("settled").unwrap_or_default();
    }
    assert!(!reader.commit());
    let sought = (reader.consumer).seek(&shop.topic.name, 0, Offset::Offset(0), PATIENCE);
    sought.expect("sought");
    let message = reader.at(0).await;
    let settled = reader.offsets.with_settlement(&message, accept).await;
    assert_eq!(settled, Ok(Ok(())));
    assert!(reader.commit());
    // The second was handled already.
    assert_eq!(shop.committed(), [Some(2)]);
    let message = reader.at(1).await;
    let settled = reader.offsets.with_settlement(&message, refuse).await;
    assert_eq!(settled, Ok(Err("no such order")));
    let message = reader.at(2).await;
    let settled = reader.offsets.with_settlement(&message, accept).await;
    assert_eq!(settled, Ok(Ok(())));
    assert!(!reader.commit(), "the second is to be handled again");
}

/// Puts the message aside through the wrapped producer, and stores its offset when the broker has the letter.
#[apply(broker_test)]
async fn the_offset_of_a_message_that_was_put_aside_is_stored() {
    for is_delivered in [true, false] {
        let shop = Shop::open(1).await;
        shop.send(1).await;
        let mut config = shop.topic.config();
        if !is_delivered {
            // Nobody is there.
            config.set("bootstrap.servers", "127.0.0.1:1");
            config.set("message.timeout.ms", "300");
        }
        let producer: FutureProducer = config.create().expect("a producer");
        let producer = InjectingProducer::new(producer)
            .with_instrumentation(shop.spans.instrumentation.clone());
        let letters = unique("letters");
        let reader = shop.reader();
        let message = reader.at(0).await;
        let settled = reader
            .offsets
            .with_settlement(&message, refuse)
            .on_error(async |error| {
                let sent = producer.dead_letter(&message, &error, &letters, PATIENCE);
                sent.await.map_err(|(error, _)| error)?;
                Ok::<_, KafkaError>(())
            });
        let settled = in_time("a settlement", settled).await.expect("settled");
        assert_eq!(settled.is_ok(), is_delivered, "{settled:?}");
        assert_eq!(reader.commit(), is_delivered);
        assert_eq!(shop.committed(), [is_delivered.then_some(1)]);
        let process = shop.spans.named(&shop.span("process")).span_context;
        assert_child(&shop.spans.named(&format!("send {letters}")), &process);
        assert_eq!(shop.spans.has(&shop.span("store_offset")), is_delivered);
    }
}

#[apply(broker_test)]
async fn what_the_handler_settles_stays_so() {
    let shop = Shop::open(1).await;
    shop.send(1).await;
    let reader = shop.reader();
    let message = reader.offsets.register(reader.at(0).await);
    let guard = reader.offsets.consumer().guard(&message);
    let handled = (reader.offsets.consumer()).with_settlement(&message, async |_| {
        guard.ack().await.map_err(|error| error.to_string())?;
        Err::<(), _>("too late".to_owned())
    });
    assert_eq!(handled.await, Ok(Err("too late".to_owned())));
    assert!(reader.commit());
    assert_eq!(shop.committed(), [Some(1)]);
    shop.assert_settled(true);
}

/// A message that was registered is settled by the free functions, and in a task.
#[apply(broker_test)]
async fn a_registered_message_is_settled_anywhere() {
    let shop = Shop::open(1).await;
    shop.send(3).await;
    let reader = shop.reader();
    let first = reader.offsets.register(reader.at(0).await);
    let second = reader.offsets.register(reader.at(1).await);
    let third = reader.offsets.register(reader.at(2).await);
    let handled = tokio::spawn(async move {
        let refused = with_settlement_with(&second, refuse, |_| None).or(Settlement::Store);
        refused.await
    });
    assert_eq!(handled.await.expect("no panic"), Ok(Err("no such order")));
    assert!(!reader.commit(), "the first is not handled");
    guard(&first).ack().await.expect("stored");
    assert!(reader.commit());
    assert_eq!(shop.committed(), [Some(2)]);
    assert_eq!(third.payload(), Some(b"2".as_slice()));
    assert_eq!(third.into_inner().offset(), 2);
    assert!(!reader.commit(), "nobody settled the third");
}

#[apply(broker_test)]
async fn a_failure_is_as_the_application_says() {
    let shop = Shop::open(1).await;
    shop.send(1).await;
    let reader = shop.reader();
    let message = reader.at(0).await;
    let settled = (reader.offsets).with_settlement_with(&message, refuse, |error| {
        Some(Failure::new("refused", *error))
    });
    assert_eq!(settled.await, Ok(Err("no such order")));
    let process = shop.spans.named(&shop.span("process"));
    assert_eq!(attribute(&process, "error.type"), Some("refused".into()));
}

/// A partition that the consumer gave up by hand, without a callback.
#[apply(broker_test)]
async fn an_offset_that_cannot_be_stored_is_an_error() {
    let shop = Shop::open(1).await;
    shop.send(1).await;
    let reader = shop.reader();
    let message = reader.at(0).await;
    let settled = (reader.offsets).with_settlement(&message, async |_: &OwnedMessage| {
        reader.consumer.unassign().expect("unassigned");
        Handled::Ok(())
    });
    let error = settled.await.expect_err("not assigned");
    assert_eq!(error, KafkaError::StoreOffset(RDKafkaErrorCode::State));
    let stored = shop.spans.named(&shop.span("store_offset"));
    assert_eq!(attribute(&stored, "error.type"), Some("_STATE".into()));
    assert_eq!(stored.status, Status::error(error.to_string()));
    assert_unfailed(&shop.spans.named(&shop.span("process")));
}

#[apply(broker_test)]
async fn a_commit_has_a_span() {
    let shop = Shop::open(1).await;
    shop.send(1).await;
    let reader = shop.reader();
    let error = reader
        .offsets
        .commit(CommitMode::Sync)
        .expect_err("nothing is stored");
    assert_eq!(
        error,
        KafkaError::ConsumerCommit(RDKafkaErrorCode::NoOffset)
    );
    // Nothing was registered yet, so there is no topic.
    let failed = shop.spans.named("commit");
    assert_eq!(attribute(&failed, "error.type"), Some("_NO_OFFSET".into()));

    let message = reader.at(0).await;
    let guard = reader.offsets.guard(&message);
    guard.ack().await.expect("stored");
    reader.offsets.commit(CommitMode::Sync).expect("committed");
    assert_eq!(shop.committed(), [Some(1)]);
    let commit = shop.spans.named(&shop.span("commit"));
    assert_unfailed(&commit);
    let group = attribute(&commit, "messaging.consumer.group.name");
    assert_eq!(group, Some(shop.group.clone().into()));
    assert_eq!(attribute(&commit, "kafka.offset"), None);
}

/// Without a call of ours: librdkafka commits what is stored, by its timer.
#[apply(broker_test)]
async fn stored_offsets_are_committed_by_the_client() {
    let shop = Shop::open(1).await;
    shop.send(2).await;
    let mut config = shop.config();
    config.set("enable.auto.commit", "true");
    config.set("auto.commit.interval.ms", "50");
    let reader = shop.reader_of(&config);
    let message = reader.at(0).await;
    let settled = reader.offsets.with_settlement(&message, accept).await;
    assert_eq!(settled, Ok(Ok(())));
    let unhandled = reader.offsets.register(reader.at(1).await);
    let committed = async {
        while shop.committed() == [None] {
            tokio::task::yield_now().await;
        }
    };
    in_time("a commit", committed).await;
    assert_eq!(shop.committed(), [Some(1)]);
    drop(unhandled);
}
