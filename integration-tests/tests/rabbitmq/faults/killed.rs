//! A broker that is killed in mid-stream, and starts again with the data that it had.

use super::outcome::{Outcome, assert_carries_its_context, assert_told, by_id, properties};
use crate::PLAIN;
use futures_util::future::join_all;
use integration_tests::client::in_time;
use integration_tests::rabbitmq::broker_with_queue;
use integration_tests::spans::{Spans, assert_child, assert_linked};
use integration_tests::{apply, broker_test};
use lapin::options::{BasicGetOptions, ConfirmSelectOptions};
use lapin::{Channel, Connection, ConnectionProperties};
use otel_messaging_lapin::InjectingProducer;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use tokio::sync::{Semaphore, watch};

pub(crate) const QUEUE: &str = "orders";

/// Without recovery the stream ends: what waits for its confirm fails, and what the broker had
/// confirmed is there when it is back.
#[apply(broker_test)]
async fn a_killed_broker_fails_what_is_under_way() {
    let mut broker = broker_with_queue(QUEUE).await;
    let spans = Spans::new();
    let connection = connect(broker.url()).await;
    let channel = channel_with_confirms(&connection).await;
    let producer =
        InjectingProducer::new(channel).with_instrumentation(spans.instrumentation.clone());
    let (confirming, mut confirmed) = watch::channel(0);
    let stream = tokio::spawn(stream(producer, confirming));
    let enough = confirmed.wait_for(|count| *count >= 200);
    in_time("confirms", enough)
        .await
        .expect("the stream goes on");
    broker.kill().await;
    let outcomes = in_time("the end of the stream", stream).await;
    let outcomes = outcomes.expect("no panic");
    let failed = outcomes.values().filter(|o| **o == Outcome::Failed);
    assert!(failed.count() > 0);
    spans.counts.all_ended().await;
    assert_eq!(spans.counts.ended(), outcomes.len() as u64);
    assert_told(&spans, &outcomes);

    broker.restart().await;
    let connection = connect(broker.url()).await;
    let channel = channel_with_confirms(&connection).await;
    let (sent, mut missing) = (by_id(&spans), acked(&outcomes));
    assert!(missing.len() >= 200);
    while !missing.is_empty() {
        let message = channel.basic_get(QUEUE.into(), BasicGetOptions { no_ack: true });
        let message = in_time("a message", message).await.expect("an answer");
        let message = message.unwrap_or_else(|| panic!("{missing:?} were confirmed"));
        let id = assert_carries_its_context(&message, &sent);
        let handling = Spans::new();
        let handled = handling
            .instrumentation
            .with_message_context(&message, |_| async {});
        handled.await;
        let processed = handling.named(&format!("process {QUEUE}"));
        assert_child(&processed, &sent[&id].span_context);
        assert_linked(&processed, &sent[&id].span_context);
        missing.remove(&id);
    }
}

/// A hundred messages at a time on their way to the queue, until a publish fails.
async fn stream(
    producer: InjectingProducer<Channel>,
    confirmed: watch::Sender<usize>,
) -> HashMap<String, Outcome> {
    let (room, confirmed) = (Arc::new(Semaphore::new(100)), Arc::new(confirmed));
    let (mut outcomes, mut answers) = (HashMap::new(), Vec::new());
    for id in (0_u32..).map(|id| id.to_string()) {
        let place = in_time("room", room.clone().acquire_owned()).await;
        let properties = properties(&id);
        let publish = producer.basic_publish("".into(), QUEUE.into(), PLAIN, b"order", properties);
        let Ok(confirm) = in_time("a publish", publish).await else {
            outcomes.insert(id, Outcome::Failed);
            break;
        };
        let confirmed = confirmed.clone();
        answers.push(tokio::spawn(async move {
            let outcome = Outcome::of(&in_time("a confirm", confirm).await);
            if outcome == Outcome::Acked {
                confirmed.send_modify(|count| *count += 1);
            }
            drop(place);
            (id, outcome)
        }));
    }
    let answers = join_all(answers).await;
    outcomes.extend(answers.into_iter().map(|answer| answer.expect("no panic")));
    outcomes
}

async fn connect(url: &str) -> Connection {
    let options = ConnectionProperties::default();
    let connection = in_time("connect", Connection::connect(url, options)).await;
    connection.expect("connected")
}

pub(crate) async fn channel_with_confirms(connection: &Connection) -> Channel {
    let channel = connection.create_channel().await.expect("a channel");
    let confirms = ConfirmSelectOptions::default();
    channel.confirm_select(confirms).await.expect("confirms");
    channel
}

pub(crate) fn acked(outcomes: &HashMap<String, Outcome>) -> HashSet<String> {
    let acked = outcomes.iter().filter(|(_, o)| **o == Outcome::Acked);
    acked.map(|(id, _)| id.clone()).collect()
}
