//! Processes that are killed while they settle messages, one by one and in batches.

use super::batches::Item;
use super::{Handled, consumers_gone};
use crate::PLAIN;
use futures_util::{Stream, StreamExt};
use integration_tests::client::{Client, address, in_time, unique};
use integration_tests::rabbitmq::{RabbitMq, consume};
use integration_tests::{apply, broker_test};
use lapin::message::Delivery;
use lapin::options::BasicGetOptions;
use lapin::types::{FieldTable, ShortString};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};
use otel_messaging_lapin::{with_batch_settlement, with_settlement};
use std::collections::BTreeSet;
use std::process::Stdio;
use std::{env, future, str};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

/// The queue of a child, in its environment.
const QUEUE: &str = "OTEL_MESSAGING_SETTLED_QUEUE";
const AT_ONCE: usize = 8;
const ORDERS: usize = 100;
/// Comes behind all orders, and ends the last child.
const END: &[u8] = b"end";

#[apply(broker_test)]
async fn what_a_killed_process_left_is_handled() {
    let Ok(queue) = env::var(QUEUE) else {
        return all_are_handled("what_a_killed_process_left_is_handled").await;
    };
    handle_all(&queue, async |deliveries| {
        let handled = deliveries.for_each_concurrent(AT_ONCE, async |delivery| {
            let settled = with_settlement(&delivery, handle).await;
            settled.expect("settled").expect("handled");
            print("settled", &delivery);
        });
        handled.await;
    })
    .await;
}

/// Each batch settles its first message by itself, and the others together.
#[apply(broker_test)]
async fn batches_that_a_killed_process_left_are_handled() {
    let Ok(queue) = env::var(QUEUE) else {
        return all_are_handled("batches_that_a_killed_process_left_are_handled").await;
    };
    handle_all(&queue, async |deliveries| {
        let batches = deliveries.ready_chunks(AT_ONCE).for_each(async |batch| {
            let settled = with_batch_settlement(&batch, async |each: Vec<Item<'_>>| {
                let mut each = each.into_iter();
                if let Some(first) = each.next() {
                    first.with_settlement(handle).await.expect("settled")?;
                }
                for delivery in each {
                    delivery.run(handle).await?;
                }
                Handled::Ok(())
            });
            settled.await.expect("settled").expect("handled");
            batch.iter().for_each(|delivery| print("settled", delivery));
        });
        batches.await;
    })
    .await;
}

/// The numbers that a child has printed.
#[derive(Default)]
struct Printed {
    handled: Vec<String>,
    settled: Vec<String>,
}

impl Printed {
    fn read(&mut self, line: &str) {
        if let Some((_, order)) = line.split_once("handled order ") {
            self.handled.push(order.to_owned());
        } else if let Some((_, order)) = line.split_once("settled order ") {
            self.settled.push(order.to_owned());
        }
    }
}

/// Two children that run this test are killed, and the third handles what they left.
async fn all_are_handled(test: &str) {
    let client = RabbitMq::connect().await;
    let (channel, queue) = (&client.channel, ShortString::from(unique("killed")));
    // A child has another connection, so the queue cannot be exclusive.
    let declared = channel.queue_declare(queue.clone(), Default::default(), FieldTable::default());
    declared.await.expect("a queue");
    for order in 0..ORDERS {
        publish(channel, &queue, order.to_string().as_bytes()).await;
    }
    let mut handled = Vec::new();
    for enough in [Some(20), Some(30), None] {
        if enough.is_none() {
            publish(channel, &queue, END).await;
        }
        let printed = run_child(test, &queue, enough).await;
        let is_open = printed.handled.len() - printed.settled.len();
        match enough {
            Some(_) => assert!(is_open <= AT_ONCE, "{is_open}"),
            None => assert_eq!(is_open, 0),
        }
        handled.extend(printed.handled);
        consumers_gone(channel, &queue).await;
    }
    // What was under way at the kills may have been handled twice.
    let times = handled.len();
    assert!(times <= ORDERS + 2 * AT_ONCE, "{times}");
    let orders: BTreeSet<_> = (0..ORDERS).map(|order| order.to_string()).collect();
    assert_eq!(handled.into_iter().collect::<BTreeSet<_>>(), orders);
    // Nothing else is left.
    let end = channel.basic_get(queue.clone(), BasicGetOptions { no_ack: true });
    let end = end.await.expect("an answer").expect("the end");
    assert_eq!((end.data.as_slice(), end.message_count), (END, 0));
    let deleted = channel.queue_delete(queue, Default::default());
    assert_eq!(deleted.await.expect("deleted"), 0);
}

async fn publish(channel: &Channel, queue: &ShortString, order: &[u8]) {
    let (queue, properties) = (queue.clone(), BasicProperties::default());
    let confirm = channel.basic_publish("".into(), queue, PLAIN, order, properties);
    confirm.await.expect("published").await.expect("confirmed");
}

/// Runs a child until it has handled enough, and kills it, or until it ends.
async fn run_child(test: &str, queue: &ShortString, enough: Option<usize>) -> Printed {
    let program = env::current_exe().expect("this program");
    let mut child = Command::new(program)
        .args(["--exact", &format!("settlement::killed::{test}")])
        .args(["--nocapture", "--include-ignored"])
        .env(QUEUE, queue.as_str())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("a child");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let mut printed = Printed::default();
    let (mut is_killed, mut last) = (false, "its start".to_owned());
    loop {
        // If a child hangs, it is to be seen where.
        let waiting = format!("a line of the child for {enough:?} behind `{last}`");
        let Some(line) = in_time(&waiting, lines.next_line()).await.expect("a line") else {
            break;
        };
        printed.read(&line);
        last = line;
        if !is_killed && enough.is_some_and(|enough| printed.handled.len() >= enough) {
            // SIGKILL. What it has printed until then is read too.
            child.start_kill().expect("killed");
            is_killed = true;
        }
    }
    let status = in_time("the end of the child", child.wait()).await;
    assert_eq!(is_killed, enough.is_some());
    assert_eq!(status.expect("a status").success(), !is_killed);
    printed
}

/// Handles what comes before the end.
async fn handle_all(
    queue: &str,
    handler: impl AsyncFnOnce(Box<dyn Stream<Item = Delivery> + Unpin>),
) {
    let url = address("AMQP_URL");
    let connection = Connection::connect(&url, ConnectionProperties::default());
    let connection = in_time("a connection", connection).await;
    let connection = connection.expect("connected");
    let channel = connection.create_channel().await.expect("a channel");
    let prefetch = u16::try_from(AT_ONCE).expect("a prefetch");
    channel
        .basic_qos(prefetch, Default::default())
        .await
        .expect("a prefetch");
    let deliveries = consume(&channel, &queue.into()).await;
    let deliveries = deliveries.map(|delivery| delivery.expect("a delivery"));
    let deliveries = deliveries.take_while(|delivery| future::ready(delivery.data != END));
    handler(Box::new(deliveries)).await;
    // The broker has all settlements before.
    channel.close(200, "done".into()).await.expect("closed");
}

async fn handle(delivery: &Delivery) -> Handled {
    tokio::task::yield_now().await;
    print("handled", delivery);
    tokio::task::yield_now().await;
    Ok(())
}

fn print(what: &str, delivery: &Delivery) {
    println!(
        "{what} order {}",
        str::from_utf8(&delivery.data).expect("a number")
    );
}
