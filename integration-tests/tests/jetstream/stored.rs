//! Messages that are looked up in their stream.

use async_nats::jetstream;
use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::stream::{Config, StorageType, Stream};
use integration_tests::client::unique;
use integration_tests::nats::connect;
use integration_tests::spans::{Spans, assert_child, assert_linked, attribute};
use integration_tests::{apply, broker_test};
use opentelemetry::trace::SpanId;
use otel_messaging_async_nats::InjectingProducer;
use std::time::Duration;

/// A stream with two messages, each in a trace of its own.
async fn stream(spans: &Spans) -> (Stream, String) {
    let (context, subject) = (jetstream::new(connect().await), unique("orders"));
    let config = Config {
        name: subject.clone(),
        subjects: vec![subject.clone()],
        storage: StorageType::Memory,
        allow_direct: true,
        ..Config::default()
    };
    let stream = context.create_stream(config).await.expect("a stream");
    let producer =
        InjectingProducer::new(context).with_instrumentation(spans.instrumentation.clone());
    for _ in 0..2 {
        let pending = producer.publish(subject.clone(), "order".into()).await;
        pending.expect("published").await.expect("stored");
    }
    let context = producer.into_inner();
    assert_eq!(stream.cached_info().config.name, subject);
    (
        context.get_stream(&subject).await.expect("the stream"),
        subject,
    )
}

fn assert_joined(spans: &Spans, subject: &str, message: &StreamMessage, sequence: usize) {
    let sent = &spans.all()[sequence - 1];
    let handled = Spans::new();
    drop(handled.instrumentation.process(message));
    let processed = handled.all().remove(0);
    assert_eq!(processed.name, format!("process {subject}"));
    assert_child(&processed, &sent.span_context);
    assert_linked(&processed, &sent.span_context);
    let found = attribute(&processed, "nats.sequence");
    assert_eq!(found, Some((sequence as i64).into()));

    let late = Spans::new();
    let by = late
        .instrumentation
        .to_builder()
        .with_link_after_age(Duration::ZERO)
        .build();
    drop(by.process(message));
    assert_eq!(late.all()[0].parent_span_id, SpanId::INVALID);
}

#[apply(broker_test)]
async fn raw_messages_join() {
    let spans = Spans::new();
    let (stream, subject) = stream(&spans).await;
    let found = [
        (stream.get_raw_message(2).await, 2),
        (
            stream.get_first_raw_message_by_subject(&subject, 1).await,
            1,
        ),
        (stream.get_next_raw_message_by_subject(&subject).await, 1),
        (stream.get_last_raw_message_by_subject(&subject).await, 2),
        (stream.raw_message_builder().sequence(1).send().await, 1),
    ];
    for (message, sequence) in found {
        assert_joined(&spans, &subject, &message.expect("a message"), sequence);
    }
}

#[apply(broker_test)]
async fn messages_that_are_got_directly_join() {
    let spans = Spans::new();
    let (stream, subject) = stream(&spans).await;
    let found = [
        (stream.direct_get(2).await, 2),
        (
            stream.direct_get_first_for_subject(subject.clone()).await,
            1,
        ),
        (
            stream
                .direct_get_next_for_subject(subject.clone(), Some(2))
                .await,
            2,
        ),
        (stream.direct_get_last_for_subject(subject.clone()).await, 2),
        (stream.direct_get_builder().sequence(1).send().await, 1),
    ];
    for (message, sequence) in found {
        assert_joined(&spans, &subject, &message.expect("a message"), sequence);
    }
}
