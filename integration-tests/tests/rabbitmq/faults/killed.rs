//! A broker that is killed in mid-stream, and starts again with the data that it had.

use super::outcome::{Outcome, assert_carries_its_context, assert_told, by_id, properties};
use crate::PLAIN;
use futures_util::StreamExt;
use futures_util::future::join_all;
use integration_tests::client::in_time;
use integration_tests::counts::SpanCounts;
use integration_tests::private::{PrivateBroker, Server};
use integration_tests::rabbitmq::{consume, next};
use integration_tests::spans::{Spans, assert_child, assert_linked, attribute};
use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, ConfirmSelectOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Connection, ConnectionProperties, Consumer};
use otel_messaging::Instrumentation;
use otel_messaging_lapin::InjectingProducer;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{Semaphore, watch};

const QUEUE: &str = "orders";

/// Without recovery the stream ends: what waits for its confirm fails, and what the broker had
/// written is there when it is back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(
    not(feature = "brokers"),
    ignore = "needs brokers: integration-tests/run"
)]
async fn a_killed_broker_fails_what_is_under_way() {
    let mut broker = PrivateBroker::start(Server::RabbitMq).await;
    let counts = SpanCounts::default();
    let spans = Spans::counted(&counts);
    let options = ConnectionProperties::default();
    let (connection, channel) = connect(broker.url(), options).await;
    let stream = Stream::start(&channel, &spans, false);
    stream.has_confirmed(200).await;
    broker.kill().await;
    let outcomes = stream.outcomes().await;
    let failed = outcomes.values().filter(|o| **o == Outcome::Failed);
    assert!(failed.count() > 0, "confirms were pending");
    counts.all_ended().await;
    assert_told(&spans, &outcomes);
    drop((channel, connection));

    broker.restart().await;
    let (_connection, channel) = connect(broker.url(), ConnectionProperties::default()).await;
    let mut consumer = consume(&channel, &QUEUE.into()).await;
    let (sent, mut missing) = (by_id(&spans), acked(&outcomes));
    assert!(missing.len() >= 200);
    while !missing.is_empty() {
        let delivery = next(&mut consumer).await;
        let id = assert_carries_its_context(&delivery, &sent);
        let handling = Spans::new();
        let handled = handling
            .instrumentation
            .with_message_context(&delivery, |_| async {});
        handled.await;
        let processed = handling.named(&format!("process {QUEUE}"));
        assert_child(&processed, &sent[&id].span_context);
        assert_linked(&processed, &sent[&id].span_context);
        missing.remove(&id);
    }
}

/// With recovery the stream goes on, on the same channel and the same consumer: what was under way
/// has failed, what comes after it is sent, and what was delivered and not acknowledged comes again
/// and joins again.
///
/// Calls: `Channel::wait_for_recovery`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(
    not(feature = "brokers"),
    ignore = "needs brokers: integration-tests/run"
)]
async fn a_stream_goes_on_after_recovery() {
    let mut broker = PrivateBroker::start(Server::RabbitMq).await;
    let counts = SpanCounts::default();
    let spans = Spans::counted(&counts);
    let options = ConnectionProperties::default()
        .enable_auto_recover()
        .configure_backoff(|backoff| {
            let short = Duration::from_millis(200);
            backoff.with_max_delay(short).with_max_times(1000)
        });
    // lapin 4.12.3 may sleep through the loss of its connection: heartbeats wake it up.
    let url = format!("{}?heartbeat=2", broker.url());
    let (_connection, channel) = connect(&url, options).await;
    let consumer = consume(&channel, &QUEUE.into()).await;
    let handling = Spans::counted(&counts);
    let (handled, mut handlings) = watch::channel(HashSet::new());
    let consumed = tokio::spawn(handle_all(
        consumer,
        handling.instrumentation.clone(),
        handled,
    ));
    let stream = Stream::start(&channel, &spans, true);
    stream.has_confirmed(200).await;
    broker.kill().await;
    broker.restart().await;
    let before = stream.confirmed();
    stream.has_confirmed(before + 200).await;
    assert!(stream.recoveries() > 0);
    let outcomes = stream.outcomes().await;
    let failed = outcomes.values().filter(|o| **o == Outcome::Failed);
    assert!(failed.count() > 0, "confirms were pending");
    assert_told(&spans, &outcomes);

    let acked = acked(&outcomes);
    let all = handlings.wait_for(|ids: &HashSet<String>| acked.is_subset(ids));
    in_time("every message", all)
        .await
        .expect("the consumer goes on");
    consumed.abort();
    let _ = consumed.await;
    counts.all_ended().await;
    let sent = by_id(&spans);
    for processed in handling.all() {
        let id = attribute(&processed, "messaging.message.id").expect("an id");
        let sender = &sent[&id.to_string()].span_context;
        assert_child(&processed, sender);
        assert_linked(&processed, sender);
    }
}

/// Handles what comes, errors of the connection aside, and tells the ids.
async fn handle_all(
    mut consumer: Consumer,
    by: Instrumentation,
    handled: watch::Sender<HashSet<String>>,
) {
    while let Some(delivery) = consumer.next().await {
        let Ok(delivery) = delivery else {
            continue;
        };
        // Without the connection it was delivered on, it cannot be acknowledged and comes again.
        let _ = by
            .try_with_message_context(&delivery, async |delivery: &Delivery| {
                delivery.ack(BasicAckOptions::default()).await
            })
            .await;
        let id = delivery.properties.message_id().as_ref();
        let id = id.expect("an id").to_string();
        handled.send_modify(|ids| {
            ids.insert(id);
        });
    }
}

/// A hundred messages at a time on their way to the queue, until it is told to end or, without
/// recovery, until one fails.
struct Stream {
    task: tokio::task::JoinHandle<HashMap<String, Outcome>>,
    ends: Arc<AtomicBool>,
    confirmed: watch::Receiver<usize>,
    recoveries: Arc<AtomicUsize>,
}

impl Stream {
    fn start(channel: &Channel, spans: &Spans, recovers: bool) -> Self {
        let producer = InjectingProducer::new(channel.clone())
            .with_instrumentation(spans.instrumentation.clone());
        let (ends, recoveries) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let (confirming, confirmed) = watch::channel(0);
        let (end, count) = (ends.clone(), recoveries.clone());
        let task = tokio::spawn(async move {
            let room = Arc::new(Semaphore::new(100));
            let confirming = Arc::new(confirming);
            let (mut outcomes, mut answers) = (HashMap::new(), Vec::new());
            for n in 0.. {
                if end.load(Ordering::SeqCst) {
                    break;
                }
                let place = in_time("room", room.clone().acquire_owned()).await;
                let id = n.to_string();
                let properties = properties(&id);
                let publish =
                    producer.basic_publish("".into(), QUEUE.into(), PLAIN, b"order", properties);
                match in_time("a publish", publish).await {
                    Ok(confirm) => {
                        let confirming = confirming.clone();
                        answers.push(tokio::spawn(async move {
                            let answer = in_time("a confirm", confirm).await;
                            let outcome = Outcome::of(&answer);
                            if outcome == Outcome::Acked {
                                confirming.send_modify(|count| *count += 1);
                            }
                            drop(place);
                            (id, outcome)
                        }));
                    }
                    Err(error) => {
                        outcomes.insert(id, Outcome::Failed);
                        if !recovers {
                            break;
                        }
                        let recovered = producer.get_ref().wait_for_recovery(error);
                        in_time("recovery", recovered).await.expect("recovered");
                        count.fetch_add(1, Ordering::SeqCst);
                    }
                }
            }
            let answers = join_all(answers).await;
            outcomes.extend(answers.into_iter().map(|answer| answer.expect("no panic")));
            outcomes
        });
        Self {
            task,
            ends,
            confirmed,
            recoveries,
        }
    }

    fn confirmed(&self) -> usize {
        *self.confirmed.borrow()
    }

    fn recoveries(&self) -> usize {
        self.recoveries.load(Ordering::SeqCst)
    }

    async fn has_confirmed(&self, count: usize) {
        let mut confirmed = self.confirmed.clone();
        let enough = confirmed.wait_for(|confirmed| *confirmed >= count);
        in_time("confirms", enough)
            .await
            .expect("the stream goes on");
    }

    async fn outcomes(self) -> HashMap<String, Outcome> {
        self.ends.store(true, Ordering::SeqCst);
        in_time("the end", self.task).await.expect("no panic")
    }
}

/// Connects to a queue that outlives the broker.
async fn connect(url: &str, options: ConnectionProperties) -> (Connection, Channel) {
    let connection = in_time("connect", Connection::connect(url, options)).await;
    let connection = connection.expect("connected");
    let channel = connection.create_channel().await.expect("a channel");
    let confirms = ConfirmSelectOptions::default();
    channel.confirm_select(confirms).await.expect("confirms");
    let options = QueueDeclareOptions {
        durable: true,
        ..Default::default()
    };
    let declared = channel.queue_declare(QUEUE.into(), options, FieldTable::default());
    declared.await.expect("a queue");
    (connection, channel)
}

fn acked(outcomes: &HashMap<String, Outcome>) -> HashSet<String> {
    let acked = outcomes.iter().filter(|(_, o)| **o == Outcome::Acked);
    acked.map(|(id, _)| id.clone()).collect()
}
