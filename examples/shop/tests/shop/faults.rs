//! Brokers that are killed and started again while orders flow.

use crate::exported;
use crate::program::shop;
use async_nats::jetstream;
use futures_util::StreamExt;
use integration_tests::client::unique;
use integration_tests::otlp_receiver::OtlpReceiver;
use integration_tests::private::{PrivateBroker, Server};
use integration_tests::{apply, broker_test};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Child;
use tokio::time::timeout;

/// How long all of it may take. JetStream gives a message again after 30 seconds.
const PATIENCE: Duration = Duration::from_secs(240);
const ORDERS: usize = 60;

#[apply(broker_test)]
async fn rabbitmq_is_killed_while_orders_flow() {
    killed(Server::RabbitMq, "AMQP_URL").await;
}

#[apply(broker_test)]
async fn kafka_is_killed_while_orders_flow() {
    killed(Server::Kafka, "KAFKA_BROKERS").await;
}

#[apply(broker_test)]
async fn nats_is_killed_while_orders_flow() {
    killed(Server::Nats, "NATS_URL").await;
}

/// Every order arrives, once or more, in its trace.
async fn killed(server: Server, variable: &str) {
    let collector = OtlpReceiver::start().await;
    let mut broker = PrivateBroker::start(server).await;
    let prefix = format!("{}-", unique("shop"));
    let mut command = shop(&prefix, &collector.base());
    command.args(["--serve", "--listen", "127.0.0.1:0"]);
    command.env(variable, broker.url());
    let nats = match server {
        Server::Nats => broker.url().to_owned(),
        _ => integration_tests::client::address("NATS_URL"),
    };
    let mut shop = Shop::start(command).await;

    let url = shop.url.clone();
    let (some, placed) = tokio::sync::oneshot::channel();
    let placing = tokio::spawn(place(url, some));
    placed.await.expect("some orders");
    broker.kill().await;
    broker.restart().await;
    let orders = timeout(PATIENCE, placing)
        .await
        .expect("in time")
        .expect("all orders");
    let mailed = timeout(PATIENCE, mailed(&nats, &prefix, &orders));
    let mailed = tokio::select! {
        mailed = mailed => mailed.expect("a mail for each order in time"),
        status = shop.child.wait() => panic!("the shop has ended: {status:?}"),
    };
    shop.stop().await;

    let received = exported::at(&collector);
    for order in &orders {
        let traces = exported::traces_of(&received, order);
        for trace in &mailed[order] {
            assert!(
                traces.contains(trace),
                "order {order}: {trace} is none of {traces:?}"
            );
        }
    }
}

/// Places orders one after the other, each again until the gateway has it. Says when some are placed.
async fn place(url: String, some: tokio::sync::oneshot::Sender<()>) -> Vec<String> {
    let client = reqwest::Client::new();
    let mut some = Some(some);
    let mut orders = Vec::new();
    for number in 0..ORDERS {
        let id = uuid::Uuid::new_v4().to_string();
        let order = json!({ "id": id, "customer": "ada", "amount": 100 + number });
        loop {
            let request = client.post(&url).header("tenant", "acme").json(&order);
            match request.send().await {
                Ok(answer) if answer.status() == 202 => break,
                Ok(answer) => assert_eq!(answer.status(), 503),
                Err(error) => panic!("the gateway: {error}"),
            }
        }
        orders.push(id);
        if number == ORDERS / 4
            && let Some(some) = some.take()
        {
            let _ = some.send(());
        }
    }
    orders
}

/// Waits for a mail of each order. Returns the traces in which they were sent.
async fn mailed(url: &str, prefix: &str, orders: &[String]) -> BTreeMap<String, Vec<String>> {
    let client = async_nats::connect(url).await.expect("NATS");
    let stream = jetstream::new(client)
        .get_stream(format!("{prefix}SHOP"))
        .await;
    let config = jetstream::consumer::pull::OrderedConfig {
        filter_subject: format!("{prefix}mails"),
        ..Default::default()
    };
    let consumer = stream
        .expect("a stream")
        .create_consumer(config)
        .await
        .expect("a consumer");
    let mut mails = consumer.messages().await.expect("mails");
    let mut mailed = BTreeMap::<String, Vec<String>>::new();
    while !orders.iter().all(|order| mailed.contains_key(order)) {
        let mail = mails.next().await.expect("a mail").expect("no error");
        let headers = mail.headers.as_ref().expect("headers");
        let traceparent = headers.get("traceparent").expect("a context").to_string();
        let body: Value = serde_json::from_slice(&mail.payload).expect("JSON");
        let order = body["order"].as_str().expect("an id").to_owned();
        mailed
            .entry(order)
            .or_default()
            .push(traceparent[3..35].to_owned());
    }
    mailed
}

/// The shop, which takes orders.
struct Shop {
    child: Child,
    url: String,
}

impl Shop {
    async fn start(mut command: tokio::process::Command) -> Self {
        let mut child = command
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it runs");
        let stderr = child.stderr.take().expect("piped");
        let mut lines = BufReader::new(stderr).lines();
        let line = timeout(PATIENCE, lines.next_line()).await.expect("in time");
        let line = line.expect("text").expect("a line");
        let url = line
            .strip_prefix("shop: POST ")
            .and_then(|rest| rest.split(';').next());
        let url = url.unwrap_or_else(|| panic!("{line}")).to_owned();
        // What else it says is shown if the test fails.
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                eprintln!("{line}");
            }
        });
        Self { child, url }
    }

    /// Ends it as an operator would, and waits until all is exported.
    async fn stop(mut self) {
        let id = self.child.id().expect("it runs");
        let ended = std::process::Command::new("kill")
            .arg(id.to_string())
            .status();
        assert!(ended.expect("kill runs").success());
        let status = timeout(PATIENCE, self.child.wait()).await.expect("in time");
        assert!(status.expect("a status").success());
    }
}
