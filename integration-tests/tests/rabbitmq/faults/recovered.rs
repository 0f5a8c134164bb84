//! A broker that is killed and starts again, and a channel that recovers.

use super::killed::{QUEUE, acked, channel_with_confirms};
use super::outcome::{Outcome, assert_told, by_id, properties};
use super::proxy::Proxy;
use crate::PLAIN;
use futures_util::StreamExt;
use futures_util::future::join_all;
use integration_tests::client::in_time;
use integration_tests::rabbitmq::{broker_with_queue, consume};
use integration_tests::spans::{Spans, assert_child, assert_linked, attribute};
use integration_tests::{apply, broker_test};
use lapin::message::Delivery;
use lapin::options::BasicAckOptions;
use lapin::{Channel, Connection, ConnectionProperties, Consumer};
use otel_messaging::Instrumentation;
use otel_messaging_lapin::{InjectingProducer, PublisherConfirm};
use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::time::Duration;
use tokio::sync::watch;

/// Confirms are pending when the broker is killed: with the recovery they fail. What is published
/// while it is gone fails at once; what is published after the recovery, on the same channel, is
/// sent. The consumer goes on: what it had not acknowledged comes again and joins again.
///
/// No publish is under way at the moment of the loss: lapin 4.12.3 may then never recover.
#[apply(broker_test)]
async fn a_recovered_channel_goes_on() {
    let mut broker = broker_with_queue(QUEUE).await;
    let proxy = Proxy::start(broker.url()).await;
    let (sending, handling) = (Spans::new(), Spans::new());
    let options = ConnectionProperties::default()
        .enable_auto_recover()
        .configure_backoff(|backoff| {
            let often = Duration::from_millis(200);
            backoff.with_max_delay(often).with_max_times(1000)
        });
    let connection = in_time(
        "connect",
        Connection::connect_uri(proxy.uri.clone(), options),
    )
    .await;
    let connection = connection.expect("connected");
    let channel = channel_with_confirms(&connection).await;
    let producer = InjectingProducer::new(channel.clone())
        .with_instrumentation(sending.instrumentation.clone());
    let (handled, mut ids) = watch::channel(HashSet::new());
    let consumer = consume(&channel, &QUEUE.into()).await;
    let by = handling.instrumentation.clone();
    let consuming = tokio::spawn(handle_all(consumer, by, handled));

    let mut outcomes = answers(publish(&producer, 0..100).await).await;
    assert_eq!(acked(&outcomes).len(), 100);
    proxy.lose_answers(true);
    let pending = publish(&producer, 100..200).await;
    broker.kill().await;
    is_reconnecting(&channel).await;
    let publish_now =
        producer.basic_publish("".into(), QUEUE.into(), PLAIN, b"order", properties("200"));
    let error = publish_now.await.expect_err("there is no broker");
    outcomes.insert("200".to_owned(), Outcome::Failed);
    proxy.lose_answers(false);
    broker.restart().await;
    let recovered = channel.wait_for_recovery(error);
    in_time("recovery", recovered).await.expect("recovered");
    let pending = answers(pending).await;
    assert!(pending.values().all(|outcome| *outcome == Outcome::Failed));
    outcomes.extend(pending);
    let after = answers(publish(&producer, 201..301).await).await;
    assert_eq!(acked(&after).len(), 100);
    outcomes.extend(after);
    assert_eq!(outcomes.len(), 301);
    assert_told(&sending, &outcomes);

    let acked = acked(&outcomes);
    let all = ids.wait_for(|ids: &HashSet<String>| acked.is_subset(ids));
    let all = in_time("every message", all).await;
    drop(all.expect("the consumer goes on"));
    consuming.abort();
    let _ = consuming.await;
    sending.counts.all_ended().await;
    handling.counts.all_ended().await;
    let sent = by_id(&sending);
    for processed in handling.all() {
        let id = attribute(&processed, "messaging.message.id").expect("an id");
        let sender = &sent[&id.to_string()].span_context;
        assert_child(&processed, sender);
        assert_linked(&processed, sender);
    }
}

/// Publishes these messages until the channel has taken each.
async fn publish(
    producer: &InjectingProducer<Channel>,
    ids: Range<u32>,
) -> Vec<(String, PublisherConfirm)> {
    let mut published = Vec::new();
    for id in ids.map(|id| id.to_string()) {
        let properties = properties(&id);
        let publish = producer.basic_publish("".into(), QUEUE.into(), PLAIN, b"order", properties);
        let confirm = in_time("a publish", publish).await.expect("published");
        published.push((id, confirm));
    }
    published
}

async fn answers(published: Vec<(String, PublisherConfirm)>) -> HashMap<String, Outcome> {
    let answers = published.into_iter().map(async |(id, confirm)| {
        let answer = in_time("a confirm", confirm).await;
        (id, Outcome::of(&answer))
    });
    join_all(answers).await.into_iter().collect()
}

async fn is_reconnecting(channel: &Channel) {
    let mut ticks = tokio::time::interval(Duration::from_millis(10));
    let lost = async {
        while !channel.status().reconnecting() {
            ticks.tick().await;
        }
    };
    in_time("the loss", lost).await;
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
        // Without the connection that it came by, it cannot be acknowledged and comes again.
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
