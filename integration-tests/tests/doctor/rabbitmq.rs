//! What is looked at of an exchange and of a stream, and what their consumers notice.

use crate::program::{Look, counted, counts, refuses, start};
use futures_util::StreamExt;
use integration_tests::client::{Client, address, in_time, unique};
use integration_tests::rabbitmq::RabbitMq;
use integration_tests::{apply, broker_test};
use lapin::message::Delivery;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions,
    ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{BasicProperties, Confirmation, ExchangeKind};

/// Publishes, and returns whether a queue took it.
pub(crate) async fn publish(client: &RabbitMq, exchange: &str, key: &str) -> bool {
    let options = BasicPublishOptions {
        mandatory: true,
        ..BasicPublishOptions::default()
    };
    let properties = BasicProperties::default().with_app_id("shop".into());
    let (exchange, key) = (ShortString::from(exchange), ShortString::from(key));
    let published = client
        .channel
        .basic_publish(exchange, key, options, b"order", properties);
    let confirmed = published
        .await
        .expect("published")
        .await
        .expect("an answer");
    matches!(confirmed, Confirmation::Ack(None))
}

pub(crate) async fn declare(client: &RabbitMq, name: &str, kind: &str) -> ShortString {
    declare_with(client, name, kind, FieldTable::default()).await
}

pub(crate) async fn declare_with(
    client: &RabbitMq,
    name: &str,
    kind: &str,
    mut arguments: FieldTable,
) -> ShortString {
    let name = ShortString::from(unique(name));
    arguments.insert("x-queue-type".into(), AMQPValue::LongString(kind.into()));
    let options = QueueDeclareOptions {
        durable: true,
        ..QueueDeclareOptions::default()
    };
    let declared = client
        .channel
        .queue_declare(name.clone(), options, arguments);
    declared.await.expect("a queue");
    name
}

/// How many messages are ready, and how many consumers there are.
pub(crate) async fn counts_of(client: &RabbitMq, queue: &ShortString) -> (u32, u32) {
    let options = QueueDeclareOptions {
        passive: true,
        ..QueueDeclareOptions::default()
    };
    let channel = client.open_channel().await;
    let declared = channel.queue_declare(queue.clone(), options, FieldTable::default());
    let declared = declared.await.expect("the queue");
    (declared.message_count(), declared.consumer_count())
}

/// A consumer that holds so many messages without an acknowledgement.
pub(crate) async fn holding(
    client: &RabbitMq,
    queue: &ShortString,
    count: u16,
) -> (lapin::Consumer, Vec<Delivery>) {
    let channel = client.open_channel().await;
    let limited = channel.basic_qos(count, BasicQosOptions::default());
    limited.await.expect("a limit");
    let options = BasicConsumeOptions::default();
    let consumer = channel.basic_consume(queue.clone(), "".into(), options, FieldTable::default());
    let mut consumer = consumer.await.expect("a consumer");
    let mut held = Vec::new();
    for _ in 0..count {
        let next = in_time("a delivery", consumer.next()).await;
        held.push(next.expect("it goes on").expect("a delivery"));
    }
    (consumer, held)
}

async fn exchange(client: &RabbitMq, kind: ExchangeKind) -> String {
    let name = unique("shop");
    let options = ExchangeDeclareOptions {
        durable: true,
        ..ExchangeDeclareOptions::default()
    };
    let none = FieldTable::default();
    let declared = client
        .channel
        .exchange_declare(name.as_str().into(), kind, options, none);
    declared.await.expect("an exchange");
    name
}

/// Once a message with a key that no other queue is bound to is taken, the doctor's queue is there.
async fn bound(client: &RabbitMq, exchange: &str, key: &str) -> u64 {
    while !publish(client, exchange, key).await {
        tokio::task::yield_now().await;
    }
    1
}

fn look(url: &str, exchange: &str, more: &[&str]) -> Look {
    let place = ["rabbitmq", "--url", url, "--exchange", exchange, "--json"];
    start(&[&place[..], more].concat())
}

#[apply(broker_test)]
async fn copies_of_what_an_exchange_routes_are_looked_at() {
    let (client, url) = (RabbitMq::connect().await, address("AMQP_URL"));
    let exchange = exchange(&client, ExchangeKind::Topic).await;
    let queue = declare(&client, "orders", "classic").await;
    let (name, key) = (exchange.as_str().into(), "orders.#".into());
    let options = QueueBindOptions::default();
    let bind = client
        .channel
        .queue_bind(queue.clone(), name, key, options, FieldTable::default());
    bind.await.expect("bound");
    for _ in 0..5 {
        assert!(publish(&client, &exchange, "orders.old").await);
    }
    let (mut consumer, held) = holding(&client, &queue, 3).await;
    assert_eq!(counts_of(&client, &queue).await, (2, 1));

    let keys = [
        "--routing-key",
        "orders.#",
        "--routing-key",
        "probe",
        "--for",
        "3s",
    ];
    let look = look(&url, &exchange, &keys);
    let probes = bound(&client, &exchange, "probe").await;
    for _ in 0..10 {
        assert!(publish(&client, &exchange, "orders.new").await);
    }
    assert_eq!(
        counts(&look.report().await),
        (10 + probes, "time".to_owned())
    );

    // The queue has each message once, and what its consumer holds is still its own.
    assert_eq!(counts_of(&client, &queue).await, (12, 1));
    for delivery in held {
        assert!(!delivery.redelivered);
        delivery
            .ack(BasicAckOptions::default())
            .await
            .expect("acknowledged");
    }
    for _ in 0..12 {
        let next = in_time("a delivery", consumer.next()).await;
        let delivery = next.expect("it goes on").expect("a delivery");
        assert!(!delivery.redelivered);
        delivery
            .ack(BasicAckOptions::default())
            .await
            .expect("acknowledged");
    }
    // The doctor's queue is gone.
    assert!(!publish(&client, &exchange, "probe").await);
}

#[apply(broker_test)]
async fn every_message_of_any_kind_of_exchange_is_looked_at() {
    let (client, url) = (RabbitMq::connect().await, address("AMQP_URL"));
    for (kind, keys) in [
        (ExchangeKind::Fanout, &[][..]),
        (ExchangeKind::Headers, &[]),
        (ExchangeKind::Topic, &[]),
        (ExchangeKind::Direct, &["--routing-key", "orders"]),
    ] {
        let exchange = exchange(&client, kind).await;
        let look = look(
            &url,
            &exchange,
            &[keys, &["--for", "60s", "--max", "4"]].concat(),
        );
        let probes = bound(&client, &exchange, "orders").await;
        for _ in probes..4 {
            assert!(publish(&client, &exchange, "orders").await);
        }
        assert_eq!(
            counts(&look.report().await),
            (4, "max".to_owned()),
            "{exchange}"
        );
    }
}

#[apply(broker_test)]
async fn a_stream_is_read_as_by_any_reader() {
    let (client, url) = (RabbitMq::connect().await, address("AMQP_URL"));
    let stream = declare(&client, "events", "stream").await;
    let place = ["rabbitmq", "--url", &url, "--stream", stream.as_str()];
    let look = async |more: &[&str]| counted(&[&place, more].concat()).await;
    let complete = |messages| (messages, "complete".to_owned());
    assert_eq!(look(&[]).await, complete(0));
    for _ in 0..250 {
        assert!(publish(&client, "", stream.as_str()).await);
    }
    assert_eq!(look(&[]).await, complete(250));
    assert_eq!(look(&["--last", "7"]).await, complete(7));
    assert_eq!(
        look(&["--last", "249", "--max", "9"]).await,
        (9, "max".to_owned())
    );
    assert_eq!(
        look(&["--since", "2001-09-09T01:46:40Z"]).await,
        complete(250)
    );
    assert_eq!(
        look(&["--last", "3", "--for", "1s"]).await,
        (3, "time".to_owned())
    );
    let listening = [&place[..], &["--for", "60s", "--max", "251", "--json"]].concat();
    let listening = start(&listening);
    assert!(publish(&client, "", stream.as_str()).await);
    assert_eq!(counts(&listening.report().await), (251, "max".to_owned()));
}

#[apply(broker_test)]
async fn what_cannot_be_bound_is_refused() {
    let (client, url) = (RabbitMq::connect().await, address("AMQP_URL"));
    let place = ["rabbitmq", "--url", &url, "--exchange"];
    let refused = async |exchange: &str, more: &[&str], named: &[&str]| {
        refuses(&[&place[..], &[exchange], more].concat(), named).await;
    };
    refused("", &[], &["default exchange", "--queue"]).await;
    let absent = unique("absent");
    refused(&absent, &[], &[&absent, "--exchange", "127.0.0.1"]).await;
    let direct = exchange(&client, ExchangeKind::Direct).await;
    refused(&direct, &[], &[&direct, "--routing-key"]).await;
    refused(
        &direct,
        &["--since", "2001-09-09T01:46:40Z"],
        &["--since", "--for"],
    )
    .await;
}
