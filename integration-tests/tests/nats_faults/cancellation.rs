//! Futures that are dropped before they are done.

use crate::recorded::{spans_named, trace_id, work};
use async_nats::jetstream::context::ContextBuilder;
use async_nats::jetstream::{self, stream};
use async_nats::{ConnectOptions, HeaderMap};
use futures_util::future::poll_immediate;
use integration_tests::client::{Client, address, in_time, unique};
use integration_tests::nats::{JetStream, Nats, connect};
use integration_tests::spans::Spans;
use integration_tests::{apply, broker_test};
use opentelemetry::trace::{Status, TraceContextExt};
use otel_messaging_async_nats::InjectingProducer;
use std::pin::pin;

/// Polls a future so many times, with other tasks' turns in between, and drops it.
async fn poll_times<F: Future>(future: F, times: usize) -> Option<F::Output> {
    let mut future = pin!(future);
    for _ in 0..times {
        if let Some(output) = poll_immediate(future.as_mut()).await {
            return Some(output);
        }
        tokio::task::yield_now().await;
    }
    None
}

/// Whenever it is dropped, a publish has one span, which has ended and did not fail.
#[apply(broker_test)]
async fn publishes_that_are_dropped() {
    let mut receiver = Nats::connect().await;
    let recorded = Spans::new();
    // With room for one command, others wait.
    let options = ConnectOptions::new().client_capacity(1);
    let client = options
        .connect(address("NATS_URL"))
        .await
        .expect("connected");
    let producer = InjectingProducer::new(client.clone())
        .with_instrumentation(recorded.instrumentation.clone());
    let subject = receiver.destination();
    let (mut taken, mut dropped) = (0, 0);
    for n in 0..300 {
        let attached = work(n).attach();
        let first = producer.publish(subject.clone(), "1".into());
        let second = producer.publish_with_headers(subject.clone(), HeaderMap::new(), "2".into());
        let third = producer.publish_with_reply(subject.clone(), "replies", "3".into());
        drop(attached);
        let times = n % 3;
        let outcomes = [
            poll_times(first, times).await,
            poll_times(second, times).await,
            poll_times(third, times).await,
        ];
        for outcome in outcomes {
            match outcome {
                Some(result) => {
                    result.expect("published");
                    taken += 1;
                }
                None => dropped += 1,
            }
        }
    }
    assert!(taken > 0 && dropped >= 300, "{taken} {dropped}");
    let spans = spans_named(&recorded, "publish");
    assert_eq!(spans.len(), 900);
    assert_eq!(recorded.counts.started(), 900);
    assert_eq!(recorded.counts.ended(), 900);
    for (n, spans) in spans.chunks(3).enumerate() {
        for span in spans {
            assert_eq!(span.span_context.trace_id(), trace_id(n));
            assert_eq!(span.status, Status::Unset);
        }
    }
    client.flush().await.expect("a flush");
    for _ in 0..taken {
        let message = receiver.receive().await;
        let processing = recorded.instrumentation.process(&message);
        let processed = processing.context().span().span_context().trace_id();
        let headers = Nats::headers(&message);
        assert_eq!(headers[0].1[3..35], processed.to_string());
    }
    recorded.counts.all_ended().await;
}

/// A request that nobody waits for any longer.
#[apply(broker_test)]
async fn requests_that_are_dropped() {
    let mut server = Nats::connect().await;
    let recorded = Spans::new();
    let producer = server.injecting(&recorded.instrumentation);
    let subject = server.destination();
    for n in 0..100 {
        let attached = work(n).attach();
        let request = producer.request(subject.clone(), "order".into());
        drop(attached);
        assert!(poll_times(request, n % 5).await.is_none(), "nobody answers");
        assert_eq!(recorded.counts.ended() as usize, n + 1);
    }
    assert_eq!(recorded.counts.started(), 100);
    for (n, span) in spans_named(&recorded, "request").iter().enumerate() {
        assert_eq!(span.span_context.trace_id(), trace_id(n));
        assert_eq!(span.status, Status::Unset);
    }
    // One in five was never polled, so never sent. A late answer disturbs nobody.
    for _ in 0..80 {
        let message = server.receive().await;
        let reply = message.reply.expect("a reply subject");
        let answered = server.client.publish(reply, "done".into()).await;
        answered.expect("published");
    }
    let request = producer.request(subject, "order".into());
    let answer = async {
        let message = server.receive().await;
        let reply = message.reply.expect("a reply subject");
        let client = connect().await;
        client
            .publish(reply, "at last".into())
            .await
            .expect("published");
        client.flush().await.expect("a flush");
    };
    let both = async { tokio::join!(request, answer) };
    let (reply, ()) = in_time("a reply", both).await;
    assert_eq!(&reply.expect("a reply").payload[..], b"at last");
}

/// Publishes to a stream and their acknowledgements, dropped at any time.
#[apply(broker_test)]
async fn acknowledgements_that_are_dropped() {
    let mut client = JetStream::connect().await;
    let recorded = Spans::new();
    // Above two open acknowledgements, publishes wait.
    let context = ContextBuilder::new()
        .max_ack_inflight(2)
        .build(connect().await);
    let producer =
        InjectingProducer::new(context).with_instrumentation(recorded.instrumentation.clone());
    let subject = client.subject.clone();
    let (mut published, mut acknowledged) = (0, 0);
    for n in 0..300 {
        let attached = work(n).attach();
        let publish = producer.publish(subject.clone(), "order".into());
        drop(attached);
        let is_awaited = n % 5 == 4;
        let published_in_time = if is_awaited {
            Some(in_time("a place", publish).await)
        } else {
            poll_times(publish, n % 4).await
        };
        let Some(pending) = published_in_time else {
            assert_eq!(recorded.counts.ended() as usize, n + 1);
            continue;
        };
        published += 1;
        let pending = pending.expect("published");
        assert_eq!(recorded.counts.ended() as usize, n);
        match n % 5 {
            0 => drop(pending),
            1 => drop(pending.into_inner()),
            2 => drop(pending.into_future()),
            3 => drop(poll_times(pending.into_future(), 1).await),
            _ => {
                in_time("an answer", pending.into_future())
                    .await
                    .expect("stored");
                acknowledged += 1;
            }
        }
        assert_eq!(recorded.counts.ended() as usize, n + 1);
    }
    assert_eq!(acknowledged, 60);
    assert!(published < 300, "{published}");
    assert_eq!(recorded.counts.started(), 300);
    for (n, span) in spans_named(&recorded, "publish").iter().enumerate() {
        assert_eq!(span.span_context.trace_id(), trace_id(n));
        assert_eq!(span.status, Status::Unset);
    }
    in_time("all answers", producer.get_ref().wait_for_acks()).await;
    let stored = client
        .stream
        .info()
        .await
        .expect("an answer")
        .state
        .messages;
    assert!(stored >= published, "{stored} of {published}");
    for _ in 0..stored {
        let message = client.receive().await;
        let processing = recorded.instrumentation.process(&message);
        let carried = &JetStream::headers(&message)[0].1[3..35];
        let processed = processing.context().span().span_context().trace_id();
        assert_eq!(processed.to_string(), carried);
    }
    recorded.counts.all_ended().await;
}

/// A stream that does not answer in time, and one that is not there.
#[apply(broker_test)]
async fn acknowledgements_that_do_not_come() {
    let recorded = Spans::new();
    let mut context = jetstream::new(connect().await);
    let silent = unique("silent");
    // It takes the message and never answers.
    let config = stream::Config {
        name: silent.clone(),
        subjects: vec![silent.clone()],
        storage: stream::StorageType::Memory,
        no_ack: true,
        ..stream::Config::default()
    };
    context.create_stream(config).await.expect("a stream");
    context.set_timeout(std::time::Duration::from_millis(50));
    let producer =
        InjectingProducer::new(context).with_instrumentation(recorded.instrumentation.clone());
    for (subject, expected) in [(silent, "TimedOut"), (unique("nobody"), "StreamNotFound")] {
        let pending = producer.publish(subject.clone(), "order".into()).await;
        let error = pending.expect("published").await.expect_err("no answer");
        assert_eq!(format!("{:?}", error.kind()), expected);
        let spans = spans_named(&recorded, &format!("publish {subject}"));
        assert_eq!(spans[0].status, Status::error(error.to_string()));
    }
    assert_eq!((recorded.counts.started(), recorded.counts.ended()), (2, 2));
}
