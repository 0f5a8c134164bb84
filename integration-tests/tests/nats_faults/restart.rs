//! A server that is killed in mid-stream, and comes back with its data.

use crate::recorded::{count_failed, spans_named, trace_id, work};
use async_nats::jetstream::consumer::{Consumer, pull};
use async_nats::jetstream::{self, stream};
use async_nats::{Client, ConnectOptions, HeaderMap, Request, Subscriber};
use futures_util::{StreamExt, stream as futures};
use integration_tests::client::in_time;
use integration_tests::private::{PrivateBroker, Server};
use integration_tests::spans::{Spans, attribute};
use integration_tests::{apply, broker_test};
use opentelemetry::Context;
use opentelemetry::trace::{Status, TraceContextExt};
use otel_messaging::Instrumentation;
use otel_messaging_async_nats::InjectingProducer;
use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Notify;

const MESSAGES: usize = 2_000;
const AT_ONCE: usize = 20;
/// How long a stream or a service may take for an answer.
const BRIEF: Duration = Duration::from_millis(300);

/// What happened so far.
#[derive(Default)]
struct Progress {
    acknowledged: AtomicUsize,
    failed: AtomicUsize,
    asked_in_vain: AtomicUsize,
    changed: Notify,
}

impl Progress {
    fn count(&self, what: &AtomicUsize) {
        what.fetch_add(1, Ordering::SeqCst);
        self.changed.notify_one();
    }

    /// For one who waits.
    async fn reaches(&self, what: &AtomicUsize, least: usize) {
        while what.load(Ordering::SeqCst) < least {
            self.changed.notified().await;
        }
    }
}

/// Publishers, a consumer, a service and those who ask it, all through the death of the server:
/// every span ends once, those of what failed say so, and what survives is handled in the trace in
/// which it was sent.
#[apply(broker_test)]
async fn a_server_is_killed_and_restarted() {
    let mut broker = PrivateBroker::start(Server::Nats).await;
    let (recorded, progress) = (Spans::new(), Progress::default());
    let client = ConnectOptions::new()
        .reconnect_delay_callback(|_| Duration::from_millis(20))
        .connect(broker.url())
        .await
        .expect("connected");
    let mut context = jetstream::new(client.clone());
    context.set_timeout(BRIEF);
    let config = stream::Config {
        name: "orders".to_owned(),
        storage: stream::StorageType::File,
        ..stream::Config::default()
    };
    let stream = context.create_stream(config).await.expect("a stream");
    let config = pull::Config {
        durable_name: Some("billing".to_owned()),
        ack_wait: Duration::from_secs(1),
        max_ack_pending: -1,
        ..pull::Config::default()
    };
    let consumer = stream.create_consumer(config).await.expect("a consumer");
    let questions = client.subscribe("questions").await.expect("a subscription");
    client.flush().await.expect("a flush");

    let by = recorded.instrumentation.clone();
    let consuming = tokio::spawn(consume(consumer, by.clone()));
    let answering = tokio::spawn(answer(client.clone(), questions, by.clone()));
    let publisher = InjectingProducer::new(context.clone()).with_instrumentation(by.clone());
    let requester = InjectingProducer::new(client.clone()).with_instrumentation(by);
    let publishing = futures::iter(0..MESSAGES).for_each_concurrent(AT_ONCE, async |n| {
        publish(&publisher, &progress, n).await;
        if n.is_multiple_of(10) {
            ask(&requester, &progress).await;
        }
    });
    let killing = async {
        progress.reaches(&progress.acknowledged, MESSAGES / 4).await;
        broker.kill().await;
        progress.reaches(&progress.failed, AT_ONCE).await;
        progress.reaches(&progress.asked_in_vain, 1).await;
        broker.restart().await;
    };
    in_time("the messages", async { tokio::join!(publishing, killing) }).await;

    // The consumer goes on until it has all that the stream kept.
    let mut stream = context.get_stream("orders").await.expect("the stream");
    let stored = stream.info().await.expect("an answer").state.messages;
    let acknowledged = progress.acknowledged.load(Ordering::SeqCst);
    assert!(acknowledged > MESSAGES / 2, "{acknowledged}");
    let last = publisher.publish("orders", stored.to_string().into()).await;
    last.expect("published").await.expect("the stream is back");
    let handled = in_time("what is stored", consuming)
        .await
        .expect("no panic");
    assert_eq!(handled.len() as u64, stored);
    answering.abort();
    assert!(answering.await.is_err());
    recorded.counts.all_ended().await;

    let failed = progress.failed.load(Ordering::SeqCst);
    assert_eq!(count_failed(&recorded, "publish orders"), failed);
    let sent = spans_named(&recorded, "publish orders");
    assert_eq!(sent.len(), MESSAGES + 1);
    let traces: HashSet<_> = sent
        .iter()
        .map(|span| span.span_context.trace_id())
        .collect();
    assert!((0..MESSAGES).all(|n| traces.contains(&trace_id(n))));
    for span in &sent {
        let is_failed = span.status != Status::Unset;
        assert_eq!(attribute(span, "error.type").is_some(), is_failed);
    }
    for n in &handled {
        assert!(traces.contains(&trace_id(*n)));
    }
    let in_vain = progress.asked_in_vain.load(Ordering::SeqCst);
    assert_eq!(count_failed(&recorded, "request questions"), in_vain);
    assert_eq!(
        spans_named(&recorded, "request questions").len(),
        MESSAGES / 10
    );
    assert_eq!(count_failed(&recorded, "process"), 0);
}

/// Publishes message number `n` in a trace of its own, and takes the answer or leaves it.
async fn publish(publisher: &InjectingProducer<jetstream::Context>, progress: &Progress, n: usize) {
    let mut headers = HeaderMap::new();
    headers.insert("n", n.to_string());
    let attached = work(n).attach();
    let publish = publisher.publish_with_headers("orders", headers, "order".into());
    drop(attached);
    let outcome = match publish.await {
        Ok(pending) if n.is_multiple_of(7) => {
            drop(pending);
            return;
        }
        Ok(pending) => pending.await,
        Err(error) => Err(error),
    };
    progress.count(match outcome {
        Ok(_) => &progress.acknowledged,
        Err(_) => &progress.failed,
    });
}

async fn ask(requester: &InjectingProducer<Client>, progress: &Progress) {
    let request = Request::new().payload("?".into()).timeout(Some(BRIEF));
    if requester.send_request("questions", request).await.is_err() {
        progress.count(&progress.asked_in_vain);
    }
}

/// Answers until it is aborted.
async fn answer(client: Client, mut questions: Subscriber, by: Instrumentation) {
    let producer = InjectingProducer::new(client).with_instrumentation(by.clone());
    while let Some(question) = questions.next().await {
        let answered = by.with_message_context(&question, async |question| {
            if let Some(reply) = question.reply.clone() {
                producer
                    .publish(reply, "!".into())
                    .await
                    .expect("published");
            }
        });
        answered.await;
    }
}

/// Handles what the stream delivers, each message in the trace that it was sent in, until it has as
/// many as the last message says; gives their numbers.
async fn consume(consumer: Consumer<pull::Config>, by: Instrumentation) -> HashSet<usize> {
    let (mut handled, mut expected) = (HashSet::new(), None);
    loop {
        // Through the death of its server, a stream of messages ends or tells of missed heartbeats.
        let Ok(mut messages) = consumer.messages().await else {
            tokio::task::yield_now().await;
            continue;
        };
        while let Some(Ok(message)) = messages.next().await {
            let handle = by.with_message_context(&message, async |message| {
                // It may be lost with the server, and the message comes again.
                let _ = message.ack().await;
                Context::current().span().span_context().trace_id()
            });
            let handled_in = handle.await;
            let number = message
                .headers
                .as_ref()
                .and_then(|headers| headers.get("n"));
            match number {
                Some(number) => {
                    let number = number.as_str().parse().expect("a number");
                    assert_eq!(handled_in, trace_id(number));
                    handled.insert(number);
                }
                None => {
                    let count = str::from_utf8(&message.payload).expect("text");
                    expected = Some(count.parse::<usize>().expect("a number"));
                }
            }
            if expected == Some(handled.len()) {
                return handled;
            }
        }
    }
}
