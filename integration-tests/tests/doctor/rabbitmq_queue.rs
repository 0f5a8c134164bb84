//! A classic queue, and what it is like after a look; and queues that are not touched.

use crate::program::{counted, refuses};
use crate::rabbitmq::{counts_of, declare, declare_with, holding, publish};
use integration_tests::client::{Client, address, unique};
use integration_tests::rabbitmq::RabbitMq;
use integration_tests::{apply, broker_test};
use lapin::BasicProperties;
use lapin::message::BasicGetMessage;
use lapin::options::{BasicAckOptions, BasicGetOptions, BasicPublishOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable, ShortString};

async fn publish_numbered(client: &RabbitMq, queue: &ShortString, count: u8) {
    for number in 0..count {
        let payload = [number];
        let (options, properties) = (BasicPublishOptions::default(), BasicProperties::default());
        let published =
            client
                .channel
                .basic_publish("".into(), queue.clone(), options, &payload, properties);
        published
            .await
            .expect("published")
            .await
            .expect("confirmed");
    }
}

async fn get(client: &RabbitMq, queue: &ShortString) -> BasicGetMessage {
    let got = client
        .channel
        .basic_get(queue.clone(), BasicGetOptions { no_ack: true });
    got.await.expect("an answer").expect("a message")
}

#[apply(broker_test)]
async fn a_classic_queue_gets_its_messages_back_in_their_places() {
    let (client, url) = (RabbitMq::connect().await, address("AMQP_URL"));
    let queue = declare(&client, "orders", "classic").await;
    publish_numbered(&client, &queue, 20).await;
    let (_consumer, held) = holding(&client, &queue, 2).await;
    assert_eq!(counts_of(&client, &queue).await, (18, 1));
    let place = [
        "rabbitmq",
        "--url",
        &url,
        "--queue",
        queue.as_str(),
        "--requeue",
    ];
    let look = async |more: &[&str]| counted(&[&place, more].concat()).await;
    assert_eq!(look(&[]).await, (18, "complete".to_owned()));
    assert_eq!(look(&["--last", "5"]).await, (5, "complete".to_owned()));
    assert_eq!(look(&["--max", "4"]).await.0, 4);

    assert_eq!(counts_of(&client, &queue).await, (18, 1));
    for delivery in held {
        delivery
            .ack(BasicAckOptions { multiple: false })
            .await
            .expect("still its own");
    }
    // The consumer above gets two more, in their order.
    let mut numbers = Vec::new();
    while counts_of(&client, &queue).await.0 > 0 {
        let message = get(&client, &queue).await;
        assert!(message.redelivered, "as --requeue says");
        numbers.push(message.data[0]);
    }
    assert_eq!(numbers, (4..20).collect::<Vec<u8>>());
}

/// RabbitMQ tells the kind of a queue by its first argument that is not asked for: with another one it does not.
fn hiding() -> FieldTable {
    let mut arguments = FieldTable::default();
    arguments.insert("x-max-length-bytes".into(), AMQPValue::LongInt(1_000_000));
    arguments
}

#[apply(broker_test)]
async fn a_queue_that_counts_deliveries_is_not_touched() {
    let (client, url) = (RabbitMq::connect().await, address("AMQP_URL"));
    for kind in ["quorum", "stream"] {
        for arguments in [FieldTable::default(), hiding()] {
            let queue = declare_with(&client, kind, kind, arguments).await;
            publish_numbered(&client, &queue, 3).await;
            // They tell late how many messages they have.
            while kind == "quorum" && counts_of(&client, &queue).await.0 < 3 {
                tokio::task::yield_now().await;
            }
            let place = [
                "rabbitmq",
                "--url",
                &url,
                "--queue",
                queue.as_str(),
                "--requeue",
            ];
            refuses(&place, &[queue.as_str(), "classic", "--exchange"]).await;
            if kind == "quorum" {
                let first = get(&client, &queue).await;
                assert!(!first.redelivered, "{first:?}");
            }
        }
    }
}

#[apply(broker_test)]
async fn a_classic_queue_with_arguments_is_looked_at() {
    let (client, url) = (RabbitMq::connect().await, address("AMQP_URL"));
    let queue = declare_with(&client, "orders", "classic", hiding()).await;
    publish_numbered(&client, &queue, 3).await;
    let place = [
        "rabbitmq",
        "--url",
        &url,
        "--queue",
        queue.as_str(),
        "--requeue",
    ];
    assert_eq!(counted(&place).await, (3, "complete".to_owned()));
    assert_eq!(counts_of(&client, &queue).await, (3, 0));
}

#[apply(broker_test)]
async fn a_queue_that_goes_with_its_last_consumer_stays() {
    for durable in [false, true] {
        for auto_delete in [true, false] {
            // Not durable, and not gone with its owner: later versions do not allow that.
            if durable || auto_delete {
                stays(durable, auto_delete).await;
            }
        }
    }
}

async fn stays(durable: bool, auto_delete: bool) {
    let (client, url) = (RabbitMq::connect().await, address("AMQP_URL"));
    let name = ShortString::from(unique("orders"));
    let options = QueueDeclareOptions {
        durable,
        auto_delete,
        ..QueueDeclareOptions::default()
    };
    let none = FieldTable::default();
    let declared = client.channel.queue_declare(name.clone(), options, none);
    declared.await.expect("a queue");
    publish_numbered(&client, &name, 3).await;
    let place = ["rabbitmq", "--url", &url, "--queue", name.as_str()];
    let place = [&place[..], &["--requeue"]].concat();
    for _ in 0..2 {
        assert_eq!(counted(&place).await, (3, "complete".to_owned()));
        assert_eq!(counts_of(&client, &name).await, (3, 0));
    }
    for number in 0..3 {
        assert_eq!(get(&client, &name).await.data, [number]);
    }
}

#[apply(broker_test)]
async fn the_single_active_consumer_of_a_queue_stays_it() {
    let (client, url) = (RabbitMq::connect().await, address("AMQP_URL"));
    let mut arguments = FieldTable::default();
    let single = AMQPValue::Boolean(true);
    arguments.insert("x-single-active-consumer".into(), single);
    let queue = declare_with(&client, "orders", "classic", arguments).await;
    publish_numbered(&client, &queue, 3).await;
    let (_consumer, _held) = holding(&client, &queue, 1).await;
    let place = ["rabbitmq", "--url", &url, "--queue", queue.as_str()];
    let place = [&place[..], &["--requeue"]].concat();
    assert_eq!(counted(&place).await, (2, "complete".to_owned()));
    assert_eq!(counts_of(&client, &queue).await, (2, 1));
}

#[apply(broker_test)]
async fn a_queue_is_not_read_as_a_stream() {
    let (client, url) = (RabbitMq::connect().await, address("AMQP_URL"));
    let queue = declare(&client, "orders", "classic").await;
    assert!(publish(&client, "", queue.as_str()).await);
    let place = ["rabbitmq", "--url", &url, "--stream", queue.as_str()];
    refuses(&place, &[queue.as_str(), "not a stream"]).await;
    assert!(!get(&client, &queue).await.redelivered);
}

#[apply(broker_test)]
async fn a_queue_is_not_touched_without_requeue() {
    let (client, url) = (RabbitMq::connect().await, address("AMQP_URL"));
    let queue = declare(&client, "orders", "classic").await;
    assert!(publish(&client, "", queue.as_str()).await);
    let place = ["rabbitmq", "--url", &url, "--queue", queue.as_str()];
    refuses(&place, &["--requeue", "redelivered", "--exchange"]).await;
    assert!(!get(&client, &queue).await.redelivered);

    let absent = unique("absent");
    let place = ["rabbitmq", "--url", &url, "--queue", &absent, "--requeue"];
    refuses(&place, &[&absent, "--queue"]).await;
    let place = ["rabbitmq", "--url", &url, "--stream", &absent];
    refuses(&place, &[&absent, "--stream"]).await;
}
