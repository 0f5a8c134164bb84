//! Messages of streams that are sent on: what the shared scenarios do not ask for.

use async_nats::HeaderMap;
use integration_tests::client::Client;
use integration_tests::nats::{JetStream, text_headers};
use integration_tests::spans::{Spans, attribute};

/// A dead letter names the stream and the number that the message had there, also when it is put
/// aside once more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(
    not(feature = "brokers"),
    ignore = "needs brokers: integration-tests/run"
)]
async fn a_dead_letter_names_its_place_in_the_stream() {
    let (mut client, mut aside) = (JetStream::connect().await, JetStream::connect().await);
    let (mut last, spans) = (JetStream::connect().await, Spans::new());
    client.send_plain(&[]).await;
    client.send_plain(&[("order", "7")]).await;
    client.receive().await;
    let message = client.receive().await;
    let producer = client.injecting(&spans.instrumentation);
    let expected = [
        ("dead-letter-error", "no such article"),
        ("dead-letter-sequence", "2"),
        ("dead-letter-source", &client.subject),
        ("dead-letter-stream", &client.subject),
        ("order", "7"),
    ];
    let put = producer.dead_letter(&message, &"no such article", aside.subject.clone());
    put.await.expect("published").await.expect("stored");
    let letter = aside.receive().await;
    let put = producer.dead_letter(&letter, &"no such article", last.subject.clone());
    put.await.expect("published").await.expect("stored");
    for letter in [letter, last.receive().await] {
        let mut headers = text_headers(&letter);
        headers.retain(|(name, _)| !name.ends_with("traceparent"));
        assert_eq!(headers, expected.map(|(k, v)| (k.to_owned(), v.to_owned())));
    }
}

/// What JetStream makes of its own headers when they travel along.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(
    not(feature = "brokers"),
    ignore = "needs brokers: integration-tests/run"
)]
async fn jetstreams_own_headers_have_their_effect_again() {
    let (mut client, mut next) = (JetStream::connect().await, JetStream::connect().await);
    let spans = Spans::new();
    let producer = client.injecting(&spans.instrumentation);
    client.send_plain(&[("Nats-Msg-Id", "m-7")]).await;
    let message = client.receive().await;
    // The stream that has it already, then another one.
    let again = producer.forward(&message, client.subject.clone()).await;
    let again = again.expect("published").await.expect("answered");
    assert!(again.duplicate);
    let elsewhere = producer.forward(&message, next.subject.clone()).await;
    let elsewhere = elsewhere.expect("published").await.expect("stored");
    assert!(!elsewhere.duplicate);
    assert_eq!(elsewhere.stream, next.subject);
    let arrived = next.receive().await;
    assert_eq!(
        text_headers(&arrived)[0],
        ("Nats-Msg-Id".to_owned(), "m-7".to_owned())
    );

    let stream = client.subject.clone();
    client
        .send_plain(&[("Nats-Expected-Stream", &stream)])
        .await;
    let message = client.receive().await;
    if text_headers(&message).is_empty() {
        return; // this server takes the condition off what it stores
    }
    let refused = producer.forward(&message, next.subject.clone()).await;
    refused
        .expect("published")
        .await
        .expect_err("another stream");
    let last = spans.all().pop().expect("a span");
    assert_eq!(attribute(&last, "error.type"), Some("Other".into()));

    // Without the condition.
    let publish = producer.publish_with_headers(
        next.subject.clone(),
        HeaderMap::new(),
        message.payload.clone(),
    );
    publish.await.expect("published").await.expect("stored");
}
