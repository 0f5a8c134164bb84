//! A consumer that is killed while it handles messages.

use super::orders::{BILLING, Orders};
use integration_tests::client::{address, in_time};
use integration_tests::{apply, broker_test};
use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

const ORDERS: usize = 300;

/// Killed five times: each order is handled at least once, and in the end all are settled.
#[apply(broker_test)]
async fn a_killed_consumer_loses_no_message() {
    let mut orders = Orders::waiting(Duration::from_secs(1), ORDERS).await;
    let mut handled = BTreeMap::<String, usize>::new();
    for kills in 0.. {
        let mut child = Command::new(env!("CARGO_BIN_EXE_stream-consumer"))
            .args([&address("NATS_URL"), &orders.subject, BILLING])
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the consumer runs");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut count = 0;
        while handled.len() < ORDERS && (kills >= 5 || count < 40) {
            let line = in_time("an order", lines.next_line()).await;
            let order = line.expect("text").expect("the consumer goes on");
            *handled.entry(order).or_default() += 1;
            count += 1;
        }
        if handled.len() < ORDERS {
            child.kill().await.expect("SIGKILL");
            // What it had handled by then.
            while let Some(order) = lines.next_line().await.expect("text") {
                *handled.entry(order).or_default() += 1;
            }
            continue;
        }
        assert!(kills >= 3, "{kills}");
        orders.all_settled(ORDERS as u64).await;
        break;
    }
    let expected: BTreeMap<_, _> = (0..ORDERS).map(|n| (n.to_string(), ())).collect();
    assert!(handled.keys().eq(expected.keys()));
    let again = handled.values().filter(|count| **count > 1).count();
    assert!(again < ORDERS, "{again}");
    // Some were open when their consumer was killed.
    let info = orders.consumer.info().await.expect("an answer");
    assert!(info.delivered.consumer_sequence > ORDERS as u64);
}
