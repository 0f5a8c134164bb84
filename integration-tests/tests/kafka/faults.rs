//! Whatever is cancelled, dropped or purged: every span that starts ends once, with the status that
//! fits.

use futures_util::{FutureExt as _, future::poll_immediate};
use integration_tests::client::{PATIENCE, in_time};
use integration_tests::kafka::{Answers, Topic, text_headers};
use integration_tests::spans::{Spans, attribute, traceparent};
use integration_tests::{apply, broker_test, two_worker_test};
use opentelemetry::trace::Status;
use otel_messaging_rdkafka::{InjectingContext, InjectingProducer, UntilQueuedProducer};
use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;
use rdkafka::producer::{
    BaseProducer, BaseRecord, FutureProducer, FutureRecord, Producer, PurgeConfig, ThreadedProducer,
};
use std::collections::HashMap;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

const RECORDS: usize = 500;
/// For what needs no broker.
const MANY: usize = 10_000;

/// A broker that is never there.
fn unreachable() -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", "127.0.0.1:1");
    config
}

/// That many spans have started, each has ended once, and they failed of this, or not at all.
async fn assert_ended(spans: &Spans, count: usize, error_type: Option<&'static str>) {
    spans.counts.all_ended().await;
    let all = spans.all();
    assert_eq!(all.len(), count);
    assert_eq!(spans.counts.started(), count as u64);
    for span in &all {
        let found = attribute(span, "error.type");
        assert_eq!(found, error_type.map(Into::into));
        let failed = matches!(span.status, Status::Error { .. });
        assert_eq!(failed, error_type.is_some());
    }
}

/// What was polled may arrive, and then with its own context; what was never polled does not.
#[apply(broker_test)]
async fn sends_cancelled_at_any_poll() {
    let (topic, spans) = (Topic::on_brokers(1).await, Spans::new());
    let producer = InjectingProducer::new(topic.producer.clone())
        .with_instrumentation(spans.instrumentation.clone());
    for n in 0..RECORDS {
        let key = n.to_string();
        let record = FutureRecord::to(&topic.name).key(&key).payload("order");
        let mut send = Box::pin(producer.send(record, PATIENCE));
        for _ in 0..n % 4 {
            if poll_immediate(&mut send).await.is_some() {
                break;
            }
            tokio::task::yield_now().await;
        }
    }
    assert_ended(&spans, RECORDS, None).await;

    // One that is awaited comes behind all that were taken.
    let record = FutureRecord::to(&topic.name).key("last").payload("order");
    producer.send(record, PATIENCE).await.expect("delivered");
    let senders = by_key(&spans);
    let mut arrived = 0;
    loop {
        let message = topic.receive().await;
        let key = rdkafka::Message::key_view::<str>(&message);
        let key = key.expect("a key").expect("text");
        let expected = ("traceparent".to_owned(), senders[key].clone());
        assert_eq!(text_headers(&message), [expected]);
        if key == "last" {
            break;
        }
        let n: usize = key.parse().expect("a number");
        assert_ne!(n % 4, 0, "it was never polled");
        arrived += 1;
    }
    assert_eq!(arrived, RECORDS - RECORDS / 4);
    assert_ended(&spans, RECORDS + 1, None).await;
}

/// Where the queue is full, the future waits between its tries, and is dropped there.
#[apply(two_worker_test)]
async fn sends_cancelled_before_a_full_queue() {
    let spans = Spans::new();
    let mut config = unreachable();
    config.set("queue.buffering.max.messages", "1");
    let producer: FutureProducer = config.create().expect("a producer");
    let producer =
        InjectingProducer::new(producer).with_instrumentation(spans.instrumentation.clone());
    let record = || FutureRecord::to("orders").key("7").payload("order");
    for polls in 0..4 {
        let mut send = Box::pin(producer.send(record(), PATIENCE));
        for _ in 0..polls {
            assert!(poll_immediate(&mut send).await.is_none());
        }
    }
    assert_ended(&spans, 4, None).await;
}

fn by_key(spans: &Spans) -> HashMap<String, String> {
    let all = spans.all().into_iter();
    all.map(|span| {
        let key = attribute(&span, "kafka.message.key").expect("a key");
        (key.to_string(), traceparent(&span.span_context))
    })
    .collect()
}

/// The records are sent all the same, and nobody has to wait for their spans.
#[apply(broker_test)]
async fn dropped_deliveries() {
    let (topic, spans) = (Topic::on_brokers(1).await, Spans::new());
    let producer = InjectingProducer::new(topic.producer.clone())
        .with_instrumentation(spans.instrumentation.clone());
    for n in 0..RECORDS {
        let key = n.to_string();
        let record = FutureRecord::to(&topic.name).key(&key).payload("order");
        let queued = producer.send_result(record).map_err(|(error, _)| error);
        let mut delivery = queued.expect("queued");
        match n % 3 {
            0 => drop(delivery),
            1 => assert!(!matches!((&mut delivery).now_or_never(), Some(Err(_)))),
            // rdkafka's own future is still that of the record.
            _ if n == 2 => {
                let delivered = in_time("a delivery", delivery.into_inner()).await;
                delivered.expect("not canceled").expect("delivered");
            }
            _ => drop(delivery.into_inner()),
        }
    }
    assert_ended(&spans, RECORDS, None).await;
    let senders = by_key(&spans);
    for n in 0..RECORDS {
        let message = topic.receive().await;
        let expected = ("traceparent".to_owned(), senders[&n.to_string()].clone());
        assert_eq!(text_headers(&message), [expected]);
    }
}

/// A producer that goes away with records in flight answers them all: they were purged.
#[apply(two_worker_test)]
async fn a_future_producer_dropped_or_purged() {
    for is_dropped in [true, false] {
        let spans = Spans::new();
        let producer: FutureProducer = unreachable().create().expect("a producer");
        let producer =
            InjectingProducer::new(producer).with_instrumentation(spans.instrumentation.clone());
        let queued: Vec<_> = (0..MANY)
            .map(|_| {
                let record = FutureRecord::to("orders").key("7").payload("order");
                producer.send_result(record).map_err(|(error, _)| error)
            })
            .collect();
        assert_eq!(spans.counts.ended(), 0);
        if is_dropped {
            drop(producer);
        } else {
            producer.purge(PurgeConfig::default().queue().inflight());
        }
        for delivery in queued {
            let delivery = in_time("a delivery", delivery.expect("queued")).await;
            let (_, message) = delivery.expect("not canceled").expect_err("it was purged");
            assert!(
                rdkafka::Message::headers(&message).is_none(),
                "as it was given"
            );
        }
        assert_ended(&spans, MANY, Some("_PURGE_QUEUE")).await;
    }
}

#[apply(two_worker_test)]
async fn a_queueing_producer_dropped_or_purged() {
    for is_dropped in [true, false] {
        let spans = Spans::new();
        let base: BaseProducer<_> = unreachable()
            .create_with_context(InjectingContext::new(Answers))
            .expect("a producer");
        let base = InjectingProducer::new(base).with_instrumentation(spans.instrumentation.clone());
        let threaded: ThreadedProducer<_> = unreachable()
            .create_with_context(InjectingContext::new(Answers))
            .expect("a producer");
        let threaded =
            InjectingProducer::new(threaded).with_instrumentation(spans.instrumentation.clone());
        let mut answers = Vec::new();
        for n in 0..MANY {
            let (sender, answer) = oneshot::channel();
            answers.push(answer);
            let record = BaseRecord::with_opaque_to("orders", Box::new(sender));
            let record = record.key("7").payload("order");
            let queued = if n % 2 == 0 {
                base.send(record)
            } else {
                threaded.send(record)
            };
            queued.map_err(|(error, _)| error).expect("queued");
        }
        assert_eq!(spans.counts.ended(), 0);
        if is_dropped {
            drop((base, threaded));
        } else {
            base.purge(PurgeConfig::default().queue().inflight());
            threaded.purge(PurgeConfig::default().queue().inflight());
            base.flush(PATIENCE).expect("nothing is left");
        }
        for answer in answers {
            let answer = in_time("an answer", answer).await.expect("one answer");
            assert!(matches!(answer, Err(KafkaError::MessageProduction(_))));
        }
        assert_ended(&spans, MANY, Some("_PURGE_QUEUE")).await;
    }
}

/// Without our context the callback is the application's alone, and comes as before.
#[apply(two_worker_test)]
async fn a_producer_without_our_context_purged() {
    let spans = Spans::new();
    let producer: BaseProducer<_> = unreachable()
        .create_with_context(Answers)
        .expect("a producer");
    let producer =
        UntilQueuedProducer::new(producer).with_instrumentation(spans.instrumentation.clone());
    let (sender, mut answer) = oneshot::channel();
    let record = BaseRecord::with_opaque_to("orders", Box::new(sender));
    let queued = producer.send(record.key("7").payload("order"));
    queued.map_err(|(error, _)| error).expect("queued");
    assert_ended(&spans, 1, None).await;
    producer.purge(PurgeConfig::default().queue().inflight());
    let deadline = Instant::now() + PATIENCE;
    let answer = loop {
        match answer.try_recv() {
            Ok(answer) => break answer,
            Err(_) => assert!(Instant::now() < deadline, "the callback does not come"),
        }
        producer.poll(Duration::from_millis(10));
    };
    assert!(matches!(answer, Err(KafkaError::MessageProduction(_))));
    assert_ended(&spans, 1, None).await;
}
