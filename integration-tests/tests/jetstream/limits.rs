//! Streams that limit how large a message may be.

use async_nats::jetstream::context::{PublishError, PublishErrorKind};
use async_nats::jetstream::kv;
use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::publish::PublishAck;
use async_nats::jetstream::{self, ErrorCode, stream};
use async_nats::{HeaderMap, Message, Subscriber};
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::future::poll_immediate;
use integration_tests::client::{Client, in_time, unique};
use integration_tests::nats::{JetStream, connect};
use integration_tests::outcomes::Outcomes;
use integration_tests::spans::{Spans, assert_unfailed, attribute};
use integration_tests::version::Version;
use integration_tests::{apply, broker_test};
use opentelemetry::trace::Status;
use otel_messaging_async_nats::{InjectingProducer, PublishAckFuture};
use std::error::Error;

type Producer = InjectingProducer<jetstream::Context>;

/// A stream that takes messages of at most so many bytes, and what is published to its subject.
struct Limited {
    context: jetstream::Context,
    stream: stream::Stream,
    subject: String,
    published: Subscriber,
}

impl Limited {
    async fn to(max_message_size: i32) -> Self {
        let client = connect().await;
        let context = jetstream::new(client.clone());
        let subject = unique("limited");
        let config = config(&subject, max_message_size);
        let stream = context.create_stream(config).await.expect("a stream");
        let published = client.subscribe(subject.clone()).await;
        Self {
            context,
            stream,
            subject,
            published: published.expect("a subscription"),
        }
    }

    fn injecting(&self, by: &Outcomes) -> Producer {
        InjectingProducer::new(self.context.clone())
            .with_instrumentation(by.instrumentation.clone())
    }

    /// The next message that went over the wire to the subject, whatever the stream made of it.
    async fn published(&mut self) -> Message {
        in_time("a message", self.published.next())
            .await
            .expect("the subscription goes on")
    }

    /// Asserts that so many messages went over the wire with a context, or without one.
    async fn assert_published(&mut self, have_context: &[bool]) {
        for (number, has) in have_context.iter().enumerate() {
            assert_eq!(has_context(&self.published().await), *has, "{number}");
        }
        // What comes next is nothing of theirs.
        let client = self.context.client();
        let last = client.publish(self.subject.clone(), "last".into()).await;
        last.expect("published");
        assert_eq!(self.published().await.payload, "last");
    }

    /// The message that the stream has stored under this number.
    async fn stored(&self, sequence: u64) -> StreamMessage {
        let raw = self.stream.get_raw_message(sequence).await;
        raw.expect("the message")
    }

    fn span_name(&self) -> String {
        format!("publish {}", self.subject)
    }
}

fn config(subject: &str, max_message_size: i32) -> stream::Config {
    stream::Config {
        name: subject.to_owned(),
        subjects: vec![subject.to_owned()],
        storage: stream::StorageType::Memory,
        max_message_size,
        ..Default::default()
    }
}

fn has_context(message: &Message) -> bool {
    let headers = message.headers.as_ref();
    headers.is_some_and(|headers| headers.get("traceparent").is_some())
}

fn payload(size: usize) -> Bytes {
    vec![b'x'; size].into()
}

async fn answer(
    sent: impl Future<Output = Result<PublishAckFuture, PublishError>>,
) -> Result<PublishAck, PublishError> {
    in_time("an acknowledgement", sent.await?.into_future()).await
}

fn is_too_large(error: &PublishError) -> bool {
    let source = error
        .source()
        .and_then(|it| it.downcast_ref::<jetstream::Error>());
    source.map(jetstream::Error::error_code) == Some(ErrorCode::STREAM_MESSAGE_EXCEEDS_MAXIMUM)
}

/// The bare context stores 190 bytes in a stream that takes 200, and so does the wrapper. It asks twice the
/// first time, and once from then on. Smaller messages keep their context.
#[apply(broker_test)]
async fn a_message_at_the_limit_of_its_stream_is_stored_without_its_context() {
    let (mut limited, spans) = (Limited::to(200).await, Spans::new());
    let outcomes = Outcomes::of(&spans.instrumentation);
    let bare = limited
        .context
        .publish(limited.subject.clone(), payload(190));
    bare.await.expect("published").await.expect("stored");
    limited.published().await;

    let producer = limited.injecting(&outcomes);
    for number in [1, 2] {
        // What was learnt belongs to all clones.
        let producer = producer.clone();
        let ack = answer(producer.publish(limited.subject.clone(), payload(190))).await;
        let ack = ack.expect("stored");
        assert_eq!(ack.sequence, 1 + number);
        assert!(limited.stored(ack.sequence).await.headers.is_empty());
        assert_eq!(outcomes.dropped(), number);
        let sent = spans.all();
        assert_eq!(sent.len(), number as usize, "one span for each");
        let sent = sent.last().expect("a span");
        assert_eq!(sent.name, limited.span_name());
        assert_unfailed(sent);
        let sequence = i64::try_from(ack.sequence).expect("a small number");
        assert_eq!(attribute(sent, "nats.sequence"), Some(sequence.into()));
    }
    let small = answer(producer.publish(limited.subject.clone(), payload(100))).await;
    let small = limited.stored(small.expect("stored").sequence).await;
    assert!(small.headers.get("traceparent").is_some());
    assert_eq!(outcomes.dropped(), 2);
    limited.assert_published(&[true, false, false, true]).await;
}

/// The caller's own headers stay, and an older context among them goes too: it is another message's.
#[apply(broker_test)]
async fn the_callers_own_headers_stay() {
    let (mut limited, spans) = (Limited::to(200).await, Spans::new());
    let outcomes = Outcomes::of(&spans.instrumentation);
    let producer = limited.injecting(&outcomes);
    let mut headers = HeaderMap::new();
    headers.insert("Order", "7");
    headers.insert("Nats-Msg-Id", "m-7");
    headers.insert("tracestate", "of=another");
    for sequence in [1, 2] {
        if sequence == 2 {
            headers.insert("Nats-Msg-Id", "m-8");
        }
        let sent =
            producer.publish_with_headers(limited.subject.clone(), headers.clone(), payload(140));
        let ack = answer(sent).await.expect("stored");
        assert_eq!((ack.sequence, ack.duplicate), (sequence, false));
        let stored = limited.stored(sequence).await.headers;
        let names: Vec<_> = stored.iter().map(|(name, _)| name.to_string()).collect();
        assert_eq!(names.len(), 2, "{names:?}");
        assert_eq!(stored.get("Order").map(|it| it.as_str()), Some("7"));
    }
    limited.assert_published(&[true, false, false]).await;
}

/// A bucket's `max_value_size` is its stream's `max_message_size`.
#[apply(broker_test)]
async fn a_value_at_the_limit_of_its_bucket_is_stored() {
    let spans = Spans::new();
    let context = jetstream::new(connect().await);
    let config = kv::Config {
        bucket: unique("prices"),
        max_value_size: 200,
        storage: stream::StorageType::Memory,
        ..kv::Config::default()
    };
    let store = context.create_key_value(config).await.expect("a bucket");
    store.put("a", payload(190)).await.expect("stored");
    let producer =
        InjectingProducer::new(context).with_instrumentation(spans.instrumentation.clone());
    for size in [190, 191] {
        let sent = producer.publish(format!("$KV.{}.a", store.name), payload(size));
        answer(sent).await.expect("stored");
        let value = store.get("a").await.expect("an answer").expect("a value");
        assert_eq!(value, payload(size));
    }
}

/// A message of 1,800 bytes, with a header that is renamed, is sent on in every way between streams that
/// take 2,000: none of what the wrapper adds keeps it out.
#[apply(broker_test)]
async fn a_poison_message_is_put_aside_at_the_limit() {
    let (mut source, mut aside) = (JetStream::connect().await, Limited::to(2_000).await);
    let mut config = source.stream.cached_info().config.clone();
    config.max_message_size = 2_000;
    source
        .context
        .update_stream(config)
        .await
        .expect("the limit");
    let spans = Spans::new();
    let outcomes = Outcomes::of(&spans.instrumentation);

    let mut headers = HeaderMap::new();
    headers.insert("Order", "7");
    headers.insert("Nats-Expected-Stream", source.subject.as_str());
    let producer = source.injecting(&spans.instrumentation);
    let subject = source.subject.clone();
    let sent = producer.publish_with_headers(subject, headers, payload(1_750));
    answer(sent).await.expect("stored");
    let message = source.receive().await;

    let producer = aside.injecting(&outcomes);
    let error = "no such customer, and a text of some length: ".repeat(5);
    for round in [1, 2] {
        let letter = producer.dead_letter(&message, &error, aside.subject.clone());
        let ack = answer(letter).await.expect("stored");
        assert_eq!(ack.sequence, round);
        let stored = aside.stored(ack.sequence).await;
        assert_eq!(stored.payload, message.payload);
        let names: Vec<_> = stored
            .headers
            .iter()
            .map(|(name, _)| name.to_string())
            .collect();
        assert_eq!(names, ["Order"], "only what the message came with");
        assert_eq!(outcomes.dropped(), round);
        let span = spans.all().pop().expect("a span");
        assert_unfailed(&span);
        let said = attribute(&span, "otel_messaging.dead_letter.error");
        assert_eq!(said, Some(error.clone().into()), "the span has the failure");
    }
    let republished = answer(producer.republish(&message, aside.subject.clone())).await;
    assert_eq!(republished.expect("stored").sequence, 3);
    let forwarded = answer(producer.forward(&message, aside.subject.clone())).await;
    let forwarded = aside.stored(forwarded.expect("stored").sequence).await;
    assert!(
        forwarded.headers.get("traceparent").is_some(),
        "its own context stays"
    );
    let mut published = Vec::new();
    for _ in 0..5 {
        published.push(has_context(&aside.published().await));
    }
    // The first letter goes twice.
    assert_eq!(published[..3], [true, false, false]);
}

/// A bare message that is too large is the caller's to handle, and the error the server's.
#[apply(broker_test)]
async fn what_is_too_large_without_a_context_fails_as_without_the_wrapper() {
    let (mut limited, spans) = (Limited::to(200).await, Spans::new());
    let outcomes = Outcomes::of(&spans.instrumentation);
    let producer = limited.injecting(&outcomes);
    for _ in 0..2 {
        let refused = answer(producer.publish(limited.subject.clone(), payload(201))).await;
        let error = refused.expect_err("it is too large");
        assert_eq!(error.kind(), PublishErrorKind::Other);
        assert!(is_too_large(&error), "{error:?}");
    }
    let sent = spans.all();
    assert_eq!(sent.len(), 2);
    for span in &sent {
        assert_eq!(attribute(span, "error.type"), Some("Other".into()));
        assert!(matches!(span.status, Status::Error { .. }));
    }
    limited.assert_published(&[true, false, false]).await;
}

/// The stream takes more than it did: a message that shows it ends the memory.
#[apply(broker_test)]
async fn a_success_of_that_size_brings_contexts_back() {
    let (mut limited, spans) = (Limited::to(200).await, Spans::new());
    let outcomes = Outcomes::of(&spans.instrumentation);
    let producer = limited.injecting(&outcomes);
    let send = |size| answer(producer.publish(limited.subject.clone(), payload(size)));
    send(190).await.expect("stored");
    let config = config(&limited.subject, 1_000);
    let updated = limited.context.update_stream(config).await;
    updated.expect("the limit");
    // 300 bytes alone are more than 190 with a context.
    for size in [190, 300, 190] {
        send(size).await.expect("stored");
    }
    limited
        .assert_published(&[true, false, false, false, true])
        .await;
}

/// async-nats' own future sends nothing again: the first refusal is the caller's.
#[apply(broker_test)]
async fn the_clients_own_future_gives_the_refusal() {
    let (mut limited, spans) = (Limited::to(200).await, Spans::new());
    let outcomes = Outcomes::of(&spans.instrumentation);
    let producer = limited.injecting(&outcomes);
    let pending = producer
        .publish(limited.subject.clone(), payload(190))
        .await;
    let pending = pending.expect("published").into_inner();
    let refused = in_time("an answer", pending.into_future()).await;
    assert!(is_too_large(&refused.expect_err("it is too large")));
    limited.assert_published(&[true]).await;
}

/// Wherever the future is dropped, also between the two messages, its span ends once.
#[apply(broker_test)]
async fn an_acknowledgement_is_dropped_at_any_poll() {
    const POLLS: u64 = 20;
    let (limited, spans) = (Limited::to(200).await, Spans::new());
    let outcomes = Outcomes::of(&spans.instrumentation);
    let mut answers = 0;
    for polls in 0..POLLS {
        // Each has to learn anew.
        let producer = limited.injecting(&outcomes);
        let pending = producer.publish(limited.subject.clone(), payload(190));
        let mut answer = pending.await.expect("published").into_future();
        for _ in 0..polls {
            if let Some(answer) = poll_immediate(&mut answer).await {
                answer.expect("stored");
                answers += 1;
                break;
            }
            limited.context.client().flush().await.expect("flushed");
        }
    }
    spans.counts.all_ended().await;
    assert_eq!(spans.counts.started(), POLLS);
    spans.all().iter().for_each(assert_unfailed);
    assert!(answers < POLLS, "some were dropped before");
}

/// One message of a batch that is stored as a whole or not at all is not sent a second time.
#[apply(broker_test)]
async fn a_message_of_an_atomic_batch_is_not_repeated() {
    let (mut limited, spans) = (Limited::to(200).await, Spans::new());
    if Version::of_nats(&limited.context.client()) < Version(2, 12) {
        return;
    }
    let outcomes = Outcomes::of(&spans.instrumentation);
    let producer = limited.injecting(&outcomes);
    let subject = &limited.subject;
    let update = format!(
        r#"{{"name":"{subject}","subjects":["{subject}"],"retention":"limits","discard":"old",
            "storage":"memory","num_replicas":1,"max_msg_size":200,"allow_atomic":true}}"#
    );
    let client = limited.context.client();
    let updated = client.request(format!("$JS.API.STREAM.UPDATE.{subject}"), update.into());
    let updated = updated.await.expect("an answer").payload;
    assert!(
        !String::from_utf8_lossy(&updated).contains("error"),
        "{updated:?}"
    );

    let batch = || {
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Batch-Id", unique("b").as_str());
        headers.insert("Nats-Batch-Sequence", "1");
        headers.insert("Nats-Batch-Commit", "1");
        headers
    };
    let own: usize = batch()
        .iter()
        .map(|(name, values)| AsRef::<str>::as_ref(name).len() + values[0].as_str().len() + 4)
        .sum();
    let payload = payload(200 - 12 - own);
    let sent = producer.publish_with_headers(subject.clone(), batch(), payload.clone());
    let refused = answer(sent).await.expect_err("it is too large");
    assert!(is_too_large(&refused), "{refused:?}");
    // The next one knows.
    let sent = producer.publish_with_headers(subject.clone(), batch(), payload);
    answer(sent).await.expect("stored");
    limited.assert_published(&[true, false]).await;
}
