//! Brokers that are killed and started again while orders flow.

use crate::exported;
use crate::program::{PATIENCE, shop};
use crate::received::text;
use crate::serving::Serving;
use async_nats::jetstream;
use futures_util::StreamExt;
use integration_tests::client::unique;
use integration_tests::otlp_receiver::OtlpReceiver;
use integration_tests::private::{PrivateBroker, Server};
use integration_tests::{apply, broker_test};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tokio::sync::oneshot;
use tokio::time::timeout;

const ORDERS: usize = 60;

#[apply(broker_test)]
async fn rabbitmq_is_killed_while_orders_flow() {
    killed(Server::RabbitMq, "AMQP_URL", "connecting to RabbitMQ again").await;
}

#[apply(broker_test)]
async fn kafka_is_killed_while_orders_flow() {
    killed(Server::Kafka, "KAFKA_BROKERS", "Kafka: ").await;
}

#[apply(broker_test)]
async fn nats_is_killed_while_orders_flow() {
    killed(Server::Nats, "NATS_URL", "event: disconnected").await;
}

/// Every order arrives, once or more, in its trace. A service has logged `noticed`. The shop also ends while the
/// broker is away.
async fn killed(server: Server, variable: &str, noticed: &str) {
    let collector = OtlpReceiver::start().await;
    let mut broker = PrivateBroker::start(server).await;
    let prefix = format!("{}-", unique("shop"));
    let mut command = shop(&prefix, &collector.base());
    command.env(variable, broker.url());
    let nats = match server {
        Server::Nats => broker.url().to_owned(),
        _ => integration_tests::client::address("NATS_URL"),
    };
    let mut shop = Serving::start(command).await;

    let url = shop.url.clone();
    let (some, placed) = oneshot::channel();
    let placing = tokio::spawn(place(url, some));
    let some = timeout(PATIENCE, placed).await.expect("in time");
    some.expect("some orders");
    broker.kill().await;
    broker.restart().await;
    let orders = timeout(PATIENCE, placing)
        .await
        .expect("in time")
        .expect("all orders");
    let mailed = timeout(PATIENCE, mailed(&nats, &prefix, &orders));
    let mailed = tokio::select! {
        mailed = mailed => mailed.expect("a mail for each order in time"),
        status = shop.ended() => panic!("the shop has ended: {status:?}"),
    };
    broker.kill().await;
    shop.stop().await;

    let received = exported::at(&collector);
    let mut texts = received.logs.iter().map(|log| text(log.it.body.as_ref()));
    assert!(texts.any(|text| text.starts_with(noticed)), "{noticed}");
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
async fn place(url: String, some: oneshot::Sender<()>) -> Vec<String> {
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
