//! A broker that is killed and comes back, in the middle of four streams of records.

use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use integration_tests::client::{in_time, unique};
use integration_tests::kafka::{Answers, Topic, text_headers};
use integration_tests::private::{PrivateBroker, Server};
use integration_tests::spans::{Spans, attribute, traceparent};
use integration_tests::{apply, broker_test};
use opentelemetry::Context;
use opentelemetry::trace::{Status, TraceContextExt};
use otel_messaging_rdkafka::{InjectingContext, InjectingProducer};
use rdkafka::consumer::{Consumer, StreamConsumer};
use rdkafka::producer::{BaseRecord, FutureProducer, FutureRecord, ThreadedProducer};
use rdkafka::{ClientConfig, Message};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How many records of a stream are on their way at once.
const IN_FLIGHT: usize = 20;
/// What each stream has to deliver before the broker is killed, and again when it is back.
const DELIVERED: usize = 100;

/// What became of a stream's records so far.
#[derive(Default)]
struct Outcome {
    delivered: Vec<String>,
    failed: usize,
}

/// Queues the record of a key, and tells whether the broker took it.
type Send = Box<dyn Fn(&str) -> BoxFuture<'static, bool> + std::marker::Send>;

struct Stream {
    outcome: watch::Receiver<Outcome>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Stream {
    fn start(name: &'static str, send: Send) -> Self {
        let (told, outcome) = watch::channel(Outcome::default());
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(async move {
            let mut in_flight = FuturesUnordered::new();
            let mut keys = (0..).map(|n| format!("{name}/{n}"));
            loop {
                while !*stopped.borrow() && in_flight.len() < IN_FLIGHT {
                    let key = keys.next().expect("endless");
                    in_flight.push(send(&key).map(|taken| (key, taken)));
                }
                let Some((key, taken)) = in_flight.next().await else {
                    return;
                };
                told.send_modify(|outcome| {
                    if taken {
                        outcome.delivered.push(key);
                    } else {
                        outcome.failed += 1;
                    }
                });
            }
        });
        Self {
            outcome,
            stop,
            task,
        }
    }

    async fn until(&mut self, what: &str, is_so: impl FnMut(&Outcome) -> bool) {
        let outcome = in_time(what, self.outcome.wait_for(is_so)).await;
        drop(outcome.expect("it goes on"));
    }

    fn delivered(&self) -> usize {
        self.outcome.borrow().delivered.len()
    }

    async fn finish(self) -> (Vec<String>, usize) {
        self.stop.send(true).expect("it listens");
        in_time("the last answers", self.task)
            .await
            .expect("no panic");
        let outcome = self.outcome.borrow();
        (outcome.delivered.clone(), outcome.failed)
    }
}

fn of_futures(config: &ClientConfig, topic: &str, spans: &Spans) -> Send {
    let producer: FutureProducer = config.create().expect("a producer");
    let producer =
        InjectingProducer::new(producer).with_instrumentation(spans.instrumentation.clone());
    let topic = topic.to_owned();
    Box::new(move |key| {
        let record = FutureRecord::to(&topic).key(key).payload("order");
        let queued = producer.send_result(record).map_err(|(error, _)| error);
        let delivery = queued.expect("queued");
        async move { delivery.await.expect("not canceled").is_ok() }.boxed()
    })
}

fn of_callbacks(config: &ClientConfig, topic: &str, spans: &Spans) -> Send {
    let producer: ThreadedProducer<_> = config
        .create_with_context(InjectingContext::new(Answers))
        .expect("a producer");
    let producer =
        InjectingProducer::new(producer).with_instrumentation(spans.instrumentation.clone());
    let topic = topic.to_owned();
    Box::new(move |key| {
        let (sender, answer) = tokio::sync::oneshot::channel();
        let record = BaseRecord::with_opaque_to(&topic, Box::new(sender));
        let queued = producer.send(record.key(key).payload("order"));
        queued.map_err(|(error, _)| error).expect("queued");
        async move { answer.await.expect("one answer").is_ok() }.boxed()
    })
}

/// Patient producers deliver everything, late; those whose records may wait for a second only lose
/// some, and say so. Every span ends once, and what arrives carries the context of its own send.
#[apply(broker_test)]
async fn a_broker_killed_in_mid_stream() {
    let mut broker = PrivateBroker::start(Server::Kafka).await;
    let topic = Topic::at(broker.url(), 1).await;
    let spans = Arc::new(Spans::new());
    let mut patient = topic.config();
    patient.set("reconnect.backoff.max.ms", "500");
    let mut impatient = patient.clone();
    impatient.set("message.timeout.ms", "1000");
    let mut streams = [
        Stream::start("future", of_futures(&patient, &topic.name, &spans)),
        Stream::start("callback", of_callbacks(&patient, &topic.name, &spans)),
        Stream::start("short future", of_futures(&impatient, &topic.name, &spans)),
        Stream::start(
            "short callback",
            of_callbacks(&impatient, &topic.name, &spans),
        ),
    ];
    for stream in &mut streams {
        let enough = |outcome: &Outcome| outcome.delivered.len() >= DELIVERED;
        stream.until("deliveries", enough).await;
    }
    broker.kill().await;
    for stream in &mut streams[2..] {
        let lost = |outcome: &Outcome| outcome.failed >= IN_FLIGHT;
        stream.until("failures", lost).await;
    }
    broker.restart().await;
    for stream in &mut streams {
        let enough = stream.delivered() + DELIVERED;
        let more = |outcome: &Outcome| outcome.delivered.len() >= enough;
        stream.until("deliveries once more", more).await;
    }

    let mut delivered = HashSet::new();
    let mut failed = Vec::new();
    for stream in streams {
        let (keys, failures) = stream.finish().await;
        delivered.extend(keys);
        failed.push(failures);
    }
    assert_eq!(failed[..2], [0, 0], "the patient lose nothing");
    let failed: usize = failed.into_iter().sum();
    spans.counts.all_ended().await;
    let sent = spans.all();
    assert_eq!(spans.counts.started(), (delivered.len() + failed) as u64);
    assert_eq!(sent.len(), delivered.len() + failed, "each ended once");
    let mut senders = HashMap::new();
    for span in &sent {
        let key = attribute(span, "kafka.message.key").expect("a key");
        let key = key.to_string();
        let is_delivered = delivered.contains(&key);
        let is_failed = matches!(span.status, Status::Error { .. });
        assert_eq!(is_failed, !is_delivered, "{key}: {:?}", span.status);
        let has_offset = attribute(span, "kafka.offset").is_some();
        assert_eq!(has_offset, is_delivered, "{key}");
        senders.insert(key, span.span_context.clone());
    }

    // A record may arrive that was given up, and one twice; none of another's trace.
    let handlers = Spans::new();
    let mut missing = delivered;
    // A consumer that knows nothing of the time without a broker.
    let consumer: StreamConsumer = topic
        .config()
        .set("group.id", unique("billing"))
        .create()
        .expect("a consumer");
    let all = topic.from_the_beginning();
    consumer.assign(&all).expect("the partition");
    while !missing.is_empty() {
        let received = in_time("a message", consumer.recv()).await;
        let message = received.expect("a message");
        let key = message.key_view::<str>().expect("a key").expect("text");
        let sender = &senders[key];
        let expected = ("traceparent".to_owned(), traceparent(sender));
        assert_eq!(text_headers(&message), [expected]);
        let by = &handlers.instrumentation;
        let handled = by.with_message_context(&message, |_| async {
            Context::current().span().span_context().trace_id()
        });
        assert_eq!(handled.await, sender.trace_id());
        missing.remove(key);
    }
}
