//! A process that is killed while it stores offsets.

use super::shop::{Handled, Shop};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use integration_tests::client::{address, in_time};
use integration_tests::{apply, broker_test};
use otel_messaging_rdkafka::{Offsets, SettlingContext, with_settlement};
use rdkafka::consumer::{Consumer, StreamConsumer};
use rdkafka::message::OwnedMessage;
use rdkafka::{ClientConfig, Message};
use std::collections::BTreeSet;
use std::future::pending;
use std::process::Stdio;
use std::sync::Arc;
use std::{env, str};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

/// The topic and the group of a child, in its environment.
const TOPIC: &str = "OTEL_MESSAGING_SETTLED_TOPIC";
const GROUP: &str = "OTEL_MESSAGING_SETTLED_GROUP";
/// How many messages the child begins with at most.
const MOST: &str = "OTEL_MESSAGING_SETTLED_MOST";
const AT_ONCE: usize = 8;
const EACH: i64 = 60;
const ORDERS: usize = 120;

#[apply(broker_test)]
async fn what_a_killed_process_left_is_handled() {
    if let (Ok(topic), Ok(group)) = (env::var(TOPIC), env::var(GROUP)) {
        let most = env::var(MOST).expect("a number");
        return handle_all(&topic, &group, most.parse().expect("a number")).await;
    }
    let shop = Shop::open(2).await;
    shop.send(EACH).await;
    let mut all = BTreeSet::new();
    for (most, enough) in [(40, 20), (40, 20), (ORDERS, ORDERS)] {
        let program = env::current_exe().expect("this program");
        let mut child = Command::new(program)
            .args([
                "--exact",
                "settlement::killed::what_a_killed_process_left_is_handled",
            ])
            .args(["--nocapture", "--include-ignored"])
            .env(TOPIC, &shop.topic.name)
            .env(GROUP, &shop.group)
            .env(MOST, most.to_string())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("a child");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let (before, mut handled) = (shop.committed(), 0);
        while handled < enough && all.len() < ORDERS {
            let line = in_time("a line", lines.next_line()).await;
            let line = line.expect("a line").expect("the child goes on");
            if let Some((_, order)) = line.split_once("handled ") {
                all.insert(order.to_owned());
                handled += 1;
            }
        }
        // So that the next one does not begin where this one did.
        let committed = async {
            while shop.committed() == before {
                tokio::task::yield_now().await;
            }
        };
        in_time("a commit", committed).await;
        // SIGKILL.
        child.kill().await.expect("killed");
        // What it had printed until then was handled too.
        while let Ok(Some(line)) = lines.next_line().await {
            if let Some((_, order)) = line.split_once("handled ") {
                all.insert(order.to_owned());
            }
        }
        for (partition, committed) in shop.committed().into_iter().enumerate() {
            for offset in 0..committed.unwrap_or_default() {
                assert!(
                    all.contains(&format!("{partition}/{offset}")),
                    "{offset} of {partition}"
                );
            }
        }
    }
    assert_eq!(all.len(), ORDERS, "{all:?}");
}

/// Handles what comes, several messages at once, until it is killed.
async fn handle_all(topic: &str, group: &str, most: usize) {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", address("KAFKA_BROKERS"));
    config.set("group.id", group);
    // The next process takes its place at once.
    config.set("group.instance.id", "1");
    config.set("enable.auto.offset.store", "false");
    config.set("auto.commit.interval.ms", "10");
    config.set("auto.offset.reset", "earliest");
    let context = SettlingContext::default();
    let consumer: StreamConsumer<_> = config.create_with_context(context).expect("a consumer");
    let consumer = Arc::new(consumer);
    consumer.subscribe(&[topic]).expect("subscribed");
    let offsets = Offsets::new(Arc::clone(&consumer)).expect("offsets");
    let mut handlers = FuturesUnordered::new();
    let mut begun = 0;
    loop {
        while handlers.len() >= AT_ONCE || (begun == most && !handlers.is_empty()) {
            handlers.next().await;
        }
        tokio::select! {
            message = consumer.recv(), if begun < most => {
                begun += 1;
                let message = offsets.register(message.expect("a message").detach());
                handlers.push(async move {
                    let settled = with_settlement(&message, |message| handle(message)).await;
                    settled.expect("settled").expect("handled");
                });
            }
            Some(()) = handlers.next() => {}
            else => pending().await,
        }
    }
}

async fn handle(message: &OwnedMessage) -> Handled {
    // The later ones are done before the earlier ones.
    for _ in 0..(7 - message.offset() % 7) {
        tokio::task::yield_now().await;
    }
    let payload = str::from_utf8(message.payload().unwrap_or_default()).expect("a number");
    println!("handled {}/{payload}", message.partition());
    tokio::task::yield_now().await;
    Ok(())
}
