//! Batches of messages, whose offsets are stored together or one by one.

use super::shop::{Handled, Reader, Shop};
use integration_tests::spans::{assert_child, attribute};
use integration_tests::{apply, broker_test};
use otel_messaging_rdkafka::{Registered, Settlement};
use rdkafka::Message;
use rdkafka::message::OwnedMessage;

const BATCH: i64 = 100;

async fn batch(reader: &Reader) -> Vec<Registered<OwnedMessage>> {
    let mut batch = Vec::new();
    for offset in 0..BATCH {
        batch.push(reader.offsets.register(reader.at(offset).await));
    }
    batch
}

#[apply(broker_test)]
async fn a_batch_is_stored_as_a_whole() {
    for (handled, chosen, is_stored) in [
        (Ok(()), None, true),
        (Err("no such orders"), None, false),
        (Err("no such orders"), Some(Settlement::Store), true),
    ] {
        let shop = Shop::open(1).await;
        shop.send(BATCH).await;
        let reader = shop.reader();
        let batch = batch(&reader).await;
        let settling = (reader.offsets.consumer()).with_batch_settlement(&batch, async |_| handled);
        let settled = match chosen {
            Some(chosen) => settling.or(chosen).await,
            None => settling.await,
        };
        assert_eq!(settled, Ok(handled));
        assert_eq!(reader.commit(), is_stored);
        assert_eq!(shop.committed(), [is_stored.then_some(BATCH)]);
        assert_eq!(shop.spans.has(&shop.span("store_offset")), is_stored);
        if is_stored {
            let stored = shop.spans.named(&shop.span("store_offset"));
            let process = shop.spans.named(&shop.span("process"));
            assert_child(&stored, &process.span_context);
            let count = attribute(&stored, "messaging.batch.message_count");
            assert_eq!(count, Some(BATCH.into()));
        }
    }
}

/// Each by its own outcome, the last first. One fails, and holds back what is behind it.
#[apply(broker_test)]
async fn a_batch_is_stored_one_by_one() {
    let shop = Shop::open(1).await;
    shop.send(BATCH).await;
    let reader = shop.reader();
    let batch = batch(&reader).await;
    let refuse_one = async |message: &Registered<OwnedMessage>| -> Handled {
        match message.offset() {
            42 => Err("no such order"),
            _ => Ok(()),
        }
    };
    let settled = (reader.offsets.consumer()).with_batch_settlement(&batch, async |deliveries| {
        for delivery in deliveries.into_iter().rev() {
            let offset = delivery.message().offset();
            let settled = delivery.with_settlement(refuse_one).await;
            assert_eq!(settled.expect("settled").is_ok(), offset != 42);
            assert_eq!(
                reader.commit(),
                offset == 0,
                "the first is the last that is handled"
            );
        }
        Handled::Ok(())
    });
    assert_eq!(settled.await, Ok(Ok(())));
    assert_eq!(shop.committed(), [Some(42)]);
    let failed = &batch[42];
    let consumer = reader.offsets.consumer();
    let settled =
        consumer.with_settlement(failed, async |_: &Registered<OwnedMessage>| Handled::Ok(()));
    assert_eq!(settled.await, Ok(Ok(())));
    assert!(reader.commit());
    assert_eq!(shop.committed(), [Some(BATCH)]);
}
