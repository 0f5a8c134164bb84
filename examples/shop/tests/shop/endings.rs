//! How the services end with the program that has started them.

use crate::program::{PATIENCE, shop};
use crate::serving::Serving;
use integration_tests::client::unique;
use integration_tests::{apply, broker_test};
use serde_json::json;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// The program is killed, so it cannot tell the services to end. The services write no log lines either.
#[apply(broker_test)]
async fn services_end_when_their_program_is_killed() {
    let prefix = format!("{}-", unique("shop"));
    let mut command = shop(&prefix, "http://127.0.0.1:1");
    command.env("RUST_LOG", "off");
    let mut shop = Serving::start(command).await;
    let address = shop.url.trim_start_matches("http://");
    let address = address.trim_end_matches("/orders").to_owned();
    TcpStream::connect(&address).await.expect("a gateway");
    shop.child.kill().await.expect("killed");
    let gone = async { while TcpStream::connect(&address).await.is_ok() {} };
    timeout(PATIENCE, gone).await.expect("the gateway ends");
    // The last one that has the other end of the pipe.
    timeout(PATIENCE, shop.ended())
        .await
        .expect("all services end");
}

/// Nobody reads the log lines, so the pipe is full soon.
#[apply(broker_test)]
async fn services_go_on_if_nobody_reads_their_log_lines() {
    let prefix = format!("{}-", unique("shop"));
    let command = shop(&prefix, "http://127.0.0.1:1");
    let shop = Serving::unread(command).await;
    let client = reqwest::Client::new();
    // More than a pipe has room for: 64 KiB on Linux.
    for _ in 0..300 {
        let order = json!({ "customer": "ada", "amount": 1250 });
        let answer = timeout(PATIENCE, client.post(&shop.url).json(&order).send()).await;
        let answer = answer.expect("in time").expect("an answer");
        assert_eq!(answer.status(), 202);
    }
}
