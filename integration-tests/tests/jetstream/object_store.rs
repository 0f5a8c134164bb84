//! The object store: the chunks have no headers, and what an object's metadata has is the
//! program's.

use async_nats::HeaderMap;
use async_nats::jetstream::object_store::{Config, ObjectMetadata, ObjectStore, UpdateMetadata};
use async_nats::jetstream::{self, stream::StorageType};
use futures_util::{StreamExt, TryStreamExt};
use integration_tests::client::{in_time, unique};
use integration_tests::nats::connect;
use integration_tests::spans::{Spans, attribute};
use integration_tests::{apply, broker_test};
use opentelemetry::Context;
use opentelemetry::trace::{FutureExt, TraceContextExt};
use otel_messaging_async_nats::{extract, inject};
use tokio::io::AsyncReadExt;

async fn store() -> (jetstream::Context, ObjectStore) {
    let context = jetstream::new(connect().await);
    let config = Config {
        bucket: unique("pictures"),
        storage: StorageType::Memory,
        ..Config::default()
    };
    let store = context.create_object_store(config).await.expect("a bucket");
    (context, store)
}

/// Nothing is added to what the program puts there, whatever span is current.
#[apply(broker_test)]
async fn what_is_put_into_an_object_store_has_no_context() {
    let ((context, mut store), spans) = (store().await, Spans::new());
    let work = async {
        let mut watch = store.watch().await.expect("a watch");
        let put = store
            .put("picture", &mut &b"pixels"[..])
            .await
            .expect("put");
        assert_eq!(put.headers, None);
        let seen = watch
            .next()
            .await
            .expect("the watch goes on")
            .expect("an object");
        assert_eq!(seen.headers, None);
        let mut object = store.get("picture").await.expect("an object");
        let mut pixels = Vec::new();
        object.read_to_end(&mut pixels).await.expect("its bytes");
        assert_eq!(pixels, b"pixels");
        store.add_link("link", &put).await.expect("a link");
        store
            .add_bucket_link("bucket", "other")
            .await
            .expect("a link");
        let renamed = UpdateMetadata {
            name: "image".to_owned(),
            ..UpdateMetadata::default()
        };
        store
            .update_metadata("picture", renamed)
            .await
            .expect("renamed");
        let mut all = store.watch_with_history().await.expect("a watch");
        all.next()
            .await
            .expect("the watch goes on")
            .expect("an object");
        let list = store.list().await.expect("a list");
        let list: Vec<_> = list.try_collect().await.expect("objects");
        assert_eq!(list.len(), 3);
        assert!(list.iter().all(|object| object.headers.is_none()));
        store.delete("image").await.expect("deleted");
        store.seal().await.expect("sealed");
    };
    in_time("the store", work.with_context(spans.root("order"))).await;

    let info = store.info("link").await.expect("an object");
    let stream = context.get_stream(format!("OBJ_{}", info.bucket)).await;
    let mut stream = stream.expect("a stream");
    let last = stream.info().await.expect("an answer").state.last_sequence;
    for sequence in 1..=last {
        // Some were rolled up or deleted.
        let Ok(message) = stream.get_raw_message(sequence).await else {
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
}

/// An object's metadata is a carrier like a message's headers.
#[apply(broker_test)]
async fn a_program_may_put_its_context_into_the_metadata() {
    let ((_context, store), spans) = (store().await, Spans::new());
    let order = spans.root("order");
    let mut headers = HeaderMap::new();
    inject(&order, &mut headers);
    let metadata = ObjectMetadata {
        name: "picture".to_owned(),
        headers: Some(headers),
        ..ObjectMetadata::default()
    };
    store.put(metadata, &mut &b"pixels"[..]).await.expect("put");
    let info = store.info("picture").await.expect("an object");
    let found: Context = extract(&info.headers.expect("headers"));
    let carried = found.span().span_context().clone();
    assert!(carried.is_remote());
    assert_eq!(carried.span_id(), order.span().span_context().span_id());
}

/// Each object has its chunks under a subject of its own.
#[apply(broker_test)]
async fn the_subject_of_an_objects_chunks_is_in_no_spans_name() {
    let ((context, store), spans) = (store().await, Spans::new());
    let mut messages = context
        .client()
        .subscribe("$O.>")
        .await
        .expect("a subscription");
    let put = store
        .put("picture", &mut &b"pixels"[..])
        .await
        .expect("put");
    let chunk = format!("$O.{}.C.{}", put.bucket, put.nuid);
    let message = loop {
        let message = in_time("a chunk", messages.next()).await.expect("a chunk");
        if *message.subject == *chunk {
            break message;
        }
    };
    drop(spans.instrumentation.process(&message));
    let span = spans.named("process");
    let name = attribute(&span, "messaging.destination.name");
    assert_eq!(name, Some(chunk.into()));
    let temporary = attribute(&span, "messaging.destination.temporary");
    assert_eq!(temporary, Some(true.into()));
}
