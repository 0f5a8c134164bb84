//! The key-value store, whose calls have no place for headers.

use async_nats::jetstream::kv::{Config, Entry, Operation, Store};
use async_nats::jetstream::{self, stream::StorageType};
use futures_util::{StreamExt, TryStreamExt};
use integration_tests::client::{in_time, unique};
use integration_tests::nats::connect;
use integration_tests::spans::Spans;
use integration_tests::{apply, broker_test};
use opentelemetry::trace::FutureExt;
use otel_messaging_async_nats::InjectingProducer;
use std::time::Duration;

async fn store() -> (InjectingProducer<jetstream::Context>, Store) {
    let context = InjectingProducer::new(jetstream::new(connect().await));
    let config = Config {
        bucket: unique("prices"),
        history: 10,
        storage: StorageType::Memory,
        ..Config::default()
    };
    let store = context.get_ref().create_key_value(config).await;
    (context, store.expect("a bucket"))
}

/// Nothing in the bucket's stream carries a context, whatever span is current.
async fn assert_no_context(store: &Store) {
    let mut stream = store.stream.clone();
    let last = stream.info().await.expect("an answer").state.last_sequence;
    for sequence in 1..=last {
        // Some were rolled up.
        let Ok(message) = store.stream.get_raw_message(sequence).await else {
            continue;
        };
        let is_context = |name: &str| name.eq_ignore_ascii_case("traceparent");
        assert!(
            !message
                .headers
                .iter()
                .any(|(name, _)| is_context(name.as_ref()))
        );
    }
    assert!(last > 0);
}

#[apply(broker_test)]
async fn what_is_written_to_a_bucket_has_no_context() {
    let ((_context, store), spans) = (store().await, Spans::new());
    let ttl = Duration::from_secs(60);
    let work = async {
        let put = store.put("a", "1".into()).await.expect("written");
        let updated = store.update("a", "2".into(), put).await.expect("written");
        let value = store.get("a").await.expect("an answer").expect("a value");
        assert_eq!(&value[..], b"2");
        let entry = store
            .entry("a")
            .await
            .expect("an answer")
            .expect("an entry");
        assert_eq!((entry.revision, entry.operation), (updated, Operation::Put));
        let first = store.entry_for_revision("a", put).await.expect("an answer");
        assert_eq!(&first.expect("an entry").value[..], b"1");
        store
            .delete_expect_revision("a", Some(updated))
            .await
            .expect("written");
        let created = store.create("a", "3".into()).await.expect("written");
        store
            .purge_expect_revision("a", Some(created))
            .await
            .expect("written");
        store.put("a", "4".into()).await.expect("written");
        store.delete("a").await.expect("written");
        store.put("b", "5".into()).await.expect("written");
        store.purge("b").await.expect("written");
        // Of a bucket without limits for markers, servers differ on whether they take these.
        let _ = store.create_with_ttl("c", "6".into(), ttl).await;
        let _ = store.purge_with_ttl("c", ttl).await;
        let _ = store.purge_expect_revision_with_ttl("c", 1, ttl).await;
    };
    in_time("the bucket", work.with_context(spans.root("order"))).await;
    assert_no_context(&store).await;
}

#[apply(broker_test)]
async fn what_is_watched_in_a_bucket_is_no_message() {
    let ((_context, store), spans) = (store().await, Spans::new());
    let work = async {
        store.put("a", "1".into()).await.expect("written");
        let new = [
            store.watch("a").await.expect("a watch"),
            store.watch_all().await.expect("a watch"),
            store.watch_many(["a", "b"]).await.expect("a watch"),
        ];
        store.put("a", "2".into()).await.expect("written");
        for mut watch in new {
            assert_eq!(&next(&mut watch).await.value[..], b"2");
        }
        let old = [
            store.watch_with_history("a").await.expect("a watch"),
            store
                .watch_many_with_history(["a", "b"])
                .await
                .expect("a watch"),
        ];
        for mut watch in old {
            assert_eq!(&next(&mut watch).await.value[..], b"2");
        }
        let from_the_first = [
            store.watch_from_revision("a", 1).await.expect("a watch"),
            store.watch_all_from_revision(1).await.expect("a watch"),
        ];
        for mut watch in from_the_first {
            assert_eq!(&next(&mut watch).await.value[..], b"1");
        }
        let history = store.history("a").await.expect("a history");
        let entries: Vec<Entry> = history.try_collect().await.expect("entries");
        assert_eq!(entries.len(), 2);
        let keys = store.keys().await.expect("keys");
        let keys: Vec<String> = keys.try_collect().await.expect("keys");
        assert_eq!(keys, ["a"]);
    };
    in_time("the bucket", work.with_context(spans.root("order"))).await;
    assert_no_context(&store).await;
}

async fn next(watch: &mut jetstream::kv::Watch) -> Entry {
    let entry = in_time("an entry", watch.next()).await;
    entry.expect("the watch goes on").expect("an entry")
}

/// A program that wants a context in its bucket publishes to the key's subject; the store reads
/// what it finds there, and whoever looks the message up finds the context.
#[apply(broker_test)]
async fn a_value_that_is_published_carries_its_context() {
    let ((context, store), spans) = (store().await, Spans::new());
    let context = context.with_instrumentation(spans.instrumentation.clone());
    let subject = format!("$KV.{}.a", store.name);
    let pending = context.publish(subject.clone(), "1".into()).await;
    let ack = pending.expect("published").await.expect("stored");
    let value = store.get("a").await.expect("an answer").expect("a value");
    assert_eq!(&value[..], b"1");
    let stored = store.stream.get_raw_message(ack.sequence).await;
    let handled = Spans::new();
    drop(handled.instrumentation.process(&stored.expect("a message")));
    let sent = spans.named(&format!("publish {subject}"));
    integration_tests::spans::assert_child(&handled.all()[0], &sent.span_context);
}
