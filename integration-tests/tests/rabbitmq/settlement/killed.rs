//! A process that is killed while it settles messages.

use super::Handled;
use crate::PLAIN;
use futures_util::StreamExt;
use integration_tests::client::{Client, address, in_time, unique};
use integration_tests::rabbitmq::{RabbitMq, consume};
use integration_tests::{apply, broker_test};
use lapin::message::Delivery;
use lapin::types::{FieldTable, ShortString};
use lapin::{BasicProperties, Connection, ConnectionProperties};
use otel_messaging_lapin::with_settlement;
use std::collections::BTreeSet;
use std::process::Stdio;
use std::{env, str};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

/// The queue of a child, in its environment.
const QUEUE: &str = "OTEL_MESSAGING_SETTLED_QUEUE";
const AT_ONCE: usize = 8;
const ORDERS: usize = 100;

#[apply(broker_test)]
async fn what_a_killed_process_left_is_handled() {
    if let Ok(queue) = env::var(QUEUE) {
        return handle_all(queue.into()).await;
    }
    let client = RabbitMq::connect().await;
    let (channel, queue) = (&client.channel, ShortString::from(unique("killed")));
    // A child has another connection, so the queue cannot be exclusive.
    let declared = channel.queue_declare(queue.clone(), Default::default(), FieldTable::default());
    declared.await.expect("a queue");
    for order in 0..ORDERS {
        let (order, properties) = (order.to_string(), BasicProperties::default());
        let queue = queue.clone();
        let confirm = channel.basic_publish("".into(), queue, PLAIN, order.as_bytes(), properties);
        confirm.await.expect("published").await.expect("confirmed");
    }
    let (mut all, mut times) = (BTreeSet::new(), 0);
    for enough in [20, 40, usize::MAX] {
        let program = env::current_exe().expect("this program");
        let mut child = Command::new(program)
            .args([
                "--exact",
                "settlement::killed::what_a_killed_process_left_is_handled",
            ])
            .args(["--nocapture", "--include-ignored"])
            .env(QUEUE, queue.as_str())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("a child");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut handled = 0;
        while handled < enough && all.len() < ORDERS {
            let line = in_time("a line", lines.next_line()).await;
            let line = line.expect("a line").expect("the child goes on");
            if let Some((_, order)) = line.split_once("handled ") {
                all.insert(order.to_owned());
                (handled, times) = (handled + 1, times + 1);
            }
        }
        // SIGKILL.
        child.kill().await.expect("killed");
        // What it had printed until then was handled too.
        while let Ok(Some(line)) = lines.next_line().await {
            if let Some((_, order)) = line.split_once("handled ") {
                all.insert(order.to_owned());
                times += 1;
            }
        }
    }
    assert_eq!(all.len(), ORDERS, "{all:?}");
    // What was under way at the first two kills may have come twice.
    assert!(times <= ORDERS + 2 * AT_ONCE, "{times}");
    channel
        .queue_delete(queue, Default::default())
        .await
        .expect("deleted");
}

/// Handles what comes, several messages at once, until it is killed.
async fn handle_all(queue: ShortString) {
    let url = address("AMQP_URL");
    let connection = Connection::connect(&url, ConnectionProperties::default());
    let channel = connection.await.expect("connected").create_channel().await;
    let channel = channel.expect("a channel");
    let prefetch = u16::try_from(AT_ONCE).expect("a prefetch");
    channel
        .basic_qos(prefetch, Default::default())
        .await
        .expect("a prefetch");
    let consumer = consume(&channel, &queue).await;
    let handled = consumer.for_each_concurrent(AT_ONCE, async |delivery| {
        let delivery = delivery.expect("a delivery");
        let settled = with_settlement(&delivery, handle).await;
        settled.expect("settled").expect("handled");
    });
    handled.await;
}

async fn handle(delivery: &Delivery) -> Handled {
    tokio::task::yield_now().await;
    println!(
        "handled {}",
        str::from_utf8(&delivery.data).expect("a number")
    );
    tokio::task::yield_now().await;
    Ok(())
}
