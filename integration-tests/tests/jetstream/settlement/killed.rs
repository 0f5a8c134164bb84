//! A consumer that is killed while it handles messages.

use super::orders::{BILLING, Orders};
use integration_tests::client::{address, in_time};
use integration_tests::{apply, broker_test};
use std::collections::{BTreeMap, BTreeSet};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

const ORDERS: usize = 300;
/// How many consumers are killed, and how many orders each of them handles before.
const KILLED: usize = 5;
const EACH: usize = 40;

/// Each order is handled at least once, and in the end all are settled.
#[apply(broker_test)]
async fn a_killed_consumer_loses_no_message() {
    let mut orders = Orders::waiting(Duration::from_secs(1), ORDERS).await;
    let mut handled = BTreeMap::<String, usize>::new();
    for run in 0..=KILLED {
        let limit = if run < KILLED { EACH } else { usize::MAX };
        let mut child = Command::new(env!("CARGO_BIN_EXE_stream-consumer"))
            .args([&address("NATS_URL"), &orders.subject, BILLING])
            .arg(limit.to_string())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the consumer runs");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut count = 0;
        while count < limit && handled.len() < ORDERS {
            let line = in_time("an order", lines.next_line()).await;
            let order = line.expect("text").expect("the consumer goes on");
            *handled.entry(order).or_default() += 1;
            count += 1;
        }
        if run == KILLED {
            orders.all_settled(ORDERS as u64).await;
        }
        // Its other handlers have their messages, and are not done.
        child.kill().await.expect("SIGKILL");
    }
    let expected: BTreeSet<_> = (0..ORDERS).map(|n| n.to_string()).collect();
    assert!(handled.keys().eq(&expected));
    let again = handled.values().filter(|count| **count > 1).count();
    assert!(again <= KILLED * EACH, "{again}");
    let info = orders.consumer.info().await.expect("an answer");
    assert!(info.delivered.consumer_sequence > ORDERS as u64);
}
