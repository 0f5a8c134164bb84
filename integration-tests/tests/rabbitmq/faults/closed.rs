//! A channel and a connection that are closed while messages are under way.

use super::outcome::{Outcome, assert_carries_its_context, assert_told, by_id, properties};
use crate::PLAIN;
use futures_util::future::join_all;
use integration_tests::client::address;
use integration_tests::client::{Client, in_time};
use integration_tests::rabbitmq::RabbitMq;
use integration_tests::spans::Spans;
use lapin::options::{BasicGetOptions, ConfirmSelectOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Connection, ConnectionProperties};
use otel_messaging_lapin::InjectingProducer;
use std::collections::HashMap;

#[tokio::test] // one thread, see `in_mid_publish`
#[cfg_attr(
    not(feature = "brokers"),
    ignore = "needs brokers: integration-tests/run"
)]
async fn a_channel_that_is_closed_in_mid_publish_ends_every_span() {
    in_mid_publish(async |channel: Channel, _: Connection| channel.close(200, "done".into()).await)
        .await;
}

#[tokio::test] // one thread, see `in_mid_publish`
#[cfg_attr(
    not(feature = "brokers"),
    ignore = "needs brokers: integration-tests/run"
)]
async fn a_connection_that_is_closed_in_mid_publish_ends_every_span() {
    in_mid_publish(async |_: Channel, connection: Connection| {
        connection.close(200, "done".into()).await
    })
    .await;
}

/// A hundred tasks publish, each until it fails: some before the close, some after it, some in
/// between.
///
/// All on one thread: where several publish on a channel, lapin 4.12.3 may number two messages in
/// one order and send them in the other, and each gets the other's confirm.
async fn in_mid_publish(close: impl AsyncFnOnce(Channel, Connection) -> lapin::Result<()>) {
    let client = RabbitMq::connect().await;
    let queue = client.declare_queue(FieldTable::default()).await;
    let spans = Spans::new();
    let (url, options) = (address("AMQP_URL"), ConnectionProperties::default());
    let connection = Connection::connect(&url, options).await.expect("connected");
    let channel = connection.create_channel().await.expect("a channel");
    let confirms = ConfirmSelectOptions::default();
    channel.confirm_select(confirms).await.expect("confirms");
    let producer =
        InjectingProducer::new(channel.clone()).with_instrumentation(spans.instrumentation.clone());
    let (published, mut under_way) = tokio::sync::mpsc::channel(1000);
    let tasks: Vec<_> = (0..100)
        .map(|task| {
            let (producer, queue, published) = (producer.clone(), queue.clone(), published.clone());
            tokio::spawn(async move {
                let mut outcomes = HashMap::new();
                for n in 0.. {
                    let id = format!("{task}-{n}");
                    let (key, properties) = (queue.clone(), properties(&id));
                    let publish =
                        producer.basic_publish("".into(), key, PLAIN, b"order", properties);
                    let answer = async { publish.await?.await }.await;
                    let outcome = Outcome::of(&answer);
                    outcomes.insert(id, outcome);
                    if outcome == Outcome::Failed {
                        break;
                    }
                    // Full when it is closed already.
                    let _ = published.try_send(());
                }
                outcomes
            })
        })
        .collect();
    for _ in 0..300 {
        in_time("a confirm", under_way.recv()).await;
    }
    in_time("the close", close(channel, connection))
        .await
        .expect("closed");
    let outcomes: HashMap<_, _> = in_time("the publishers", join_all(tasks))
        .await
        .into_iter()
        .flat_map(|outcomes| outcomes.expect("no panic"))
        .collect();
    let failed = outcomes.values().filter(|o| **o == Outcome::Failed);
    assert_eq!(failed.count(), 100);
    spans.counts.all_ended().await;
    assert_eq!(spans.counts.ended(), outcomes.len() as u64);
    assert_told(&spans, &outcomes);

    let (sent, mut missing) = (by_id(&spans), outcomes);
    missing.retain(|_, outcome| *outcome == Outcome::Acked);
    let options = BasicGetOptions { no_ack: true };
    while !missing.is_empty() {
        let message = client.channel.basic_get(queue.clone(), options).await;
        let message = message.expect("an answer").expect("what was acknowledged");
        missing.remove(&assert_carries_its_context(&message, &sent));
    }
}
