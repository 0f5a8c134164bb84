//! What RabbitMQ does with a message that is sent on: the tables of the README, row by row, and
//! what would go wrong otherwise.

use crate::PLAIN;
use crate::onward::got;
use integration_tests::client::{Client, in_time};
use integration_tests::private::{PrivateBroker, Server};
use integration_tests::rabbitmq::{RabbitMq, broker_with_queue, consume, next};
use integration_tests::relay_table::{Row, Way, rows};
use integration_tests::{apply, broker_test};
use lapin::message::{BasicGetMessage, Delivery};
use lapin::options::{
    BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions, QueueBindOptions,
    QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldArray, FieldTable, ShortString};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};
use otel_messaging_lapin::InjectingProducer;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::timeout;

const README: &str = include_str!("../../../crates/otel-messaging-lapin/README.md");

/// What a test calls a property, and a header's name.
type Parts = BTreeMap<String, AMQPValue>;

/// Each row of the README's tables, on the broker: a message with every property and every header
/// is sent on in each way, and nothing of it is lost.
#[apply(broker_test)]
async fn every_row_of_the_tables_holds() {
    let client = RabbitMq::connect().await;
    let [first, copies, last] = [
        client.declare_queue(FieldTable::default()).await,
        client.declare_queue(FieldTable::default()).await,
        client.declare_queue(FieldTable::default()).await,
    ];
    let (properties, headers) = (rows(README, "property"), rows(README, "header"));
    let named = properties.iter().flat_map(|row| &row.names);
    let user = client.connection().status().username();
    let given = named.fold(BasicProperties::default(), |given, name| {
        with_property(given, name, &user)
    });
    let table = headers.iter().flat_map(|row| &row.names);
    let table = table.map(|name| (name.as_str().into(), header(name, &copies)));
    let table = FieldTable::from(BTreeMap::from_iter(table));
    assert_eq!(
        given.bitmask(),
        0b1101_1111_1111_1100,
        "every property but headers"
    );
    let given = given.with_headers(table.clone());
    assert!(publish(&client.channel, &first, given.clone()).await);
    let mut message = got(&client, &first).await.expect("the message");
    assert!(got(&client, &copies).await.is_some());
    // The broker has removed `BCC`.
    let mut arrived = message.delivery.properties.clone();
    let mut bcc = FieldTable::default();
    let others = arrived.headers().iter().flat_map(|all| all.inner());
    for (name, value) in others {
        bcc.insert(name.clone(), value.clone());
    }
    bcc.insert("BCC".into(), header("BCC", &copies));
    arrived = arrived.with_headers(bcc);
    assert_eq!(arrived, given);
    message.delivery.properties = arrived;

    for way in Way::ALL {
        send_on(&client.channel, &message, way, &last).await;
        let sent = got(&client, &last).await.expect("the message");
        assert_eq!(sent.data, message.data);
        assert!(got(&client, &copies).await.is_none(), "{way:?}");
        let mut found = parts(&sent.properties);
        found.remove("traceparent");
        for name in ["error", "source", "traceparent"] {
            found.remove(&format!("dead-letter-{name}"));
        }
        let mut expected = Parts::new();
        let given = parts(&given);
        for row in properties.iter().chain(&headers) {
            for name in &row.names {
                let (name, value) = expected_part(row, name, way, &given);
                expected.insert(name, value);
            }
        }
        assert_eq!(found, expected, "{way:?}");
    }
}

fn expected_part(row: &Row, name: &str, way: Way, given: &Parts) -> (String, AMQPValue) {
    let value = given[name].clone();
    match row.cell(way) {
        "kept" => (name.to_owned(), value),
        "set to 2" => (name.to_owned(), AMQPValue::ShortShortUInt(2)),
        "renamed" => {
            let name = if name == "user_id" { "user-id" } else { name };
            let value = match value {
                AMQPValue::ShortString(text) => AMQPValue::LongString(text.as_str().into()),
                value => value,
            };
            (format!("{}{name}", way.prefix()), value)
        }
        other => panic!("{name}: {other}"),
    }
}

fn with_property(given: BasicProperties, name: &str, user: &str) -> BasicProperties {
    match name {
        "content_type" => given.with_content_type("text/plain".into()),
        "content_encoding" => given.with_content_encoding("utf-8".into()),
        "delivery_mode" => given.with_delivery_mode(1),
        "priority" => given.with_priority(3),
        "correlation_id" => given.with_correlation_id("c-7".into()),
        "reply_to" => given.with_reply_to("replies".into()),
        "expiration" => given.with_expiration("60000".into()),
        "message_id" => given.with_message_id("m-7".into()),
        "timestamp" => given.with_timestamp(1_000_000_000),
        "type" => given.with_type("order".into()),
        "user_id" => given.with_user_id(user.into()),
        "app_id" => given.with_app_id("shop".into()),
        "cluster_id" => given.with_cluster_id("cluster".into()),
        other => panic!("no property of AMQP: {other}"),
    }
}

fn header(name: &str, copies: &ShortString) -> AMQPValue {
    let text = |text: &str| AMQPValue::LongString(text.into());
    let table = |entries: &[(&str, AMQPValue)]| {
        let entries = entries.iter().cloned();
        let entries = entries.map(|(name, value)| (name.into(), value));
        let table = AMQPValue::FieldTable(FieldTable::from(BTreeMap::from_iter(entries)));
        AMQPValue::FieldArray(FieldArray::from(vec![table]))
    };
    match name {
        "CC" | "BCC" => AMQPValue::FieldArray(FieldArray::from(vec![text(copies.as_str())])),
        "x-death" => table(&[
            ("count", AMQPValue::LongLongInt(3)),
            ("queue", text("orders")),
            ("reason", text("expired")),
        ]),
        "x-received-from" | "x-shovelled" => table(&[("uri", text("amqp://elsewhere"))]),
        "x-delay" | "x-delivery-count" | "x-stream-offset" | "timestamp_in_ms" => {
            AMQPValue::LongLongInt(7)
        }
        name => text(&format!("{name}, as it was sent")),
    }
}

/// The properties and the headers alike.
fn parts(properties: &BasicProperties) -> Parts {
    let text = |text: &Option<ShortString>| text.clone().map(AMQPValue::ShortString);
    let byte = |byte: &Option<u8>| byte.map(AMQPValue::ShortShortUInt);
    let own = [
        ("content_type", text(properties.content_type())),
        ("content_encoding", text(properties.content_encoding())),
        ("delivery_mode", byte(properties.delivery_mode())),
        ("priority", byte(properties.priority())),
        ("correlation_id", text(properties.correlation_id())),
        ("reply_to", text(properties.reply_to())),
        ("expiration", text(properties.expiration())),
        ("message_id", text(properties.message_id())),
        (
            "timestamp",
            properties.timestamp().map(AMQPValue::Timestamp),
        ),
        ("type", text(properties.kind())),
        ("user_id", text(properties.user_id())),
        ("app_id", text(properties.app_id())),
        ("cluster_id", text(properties.cluster_id())),
    ];
    let own = own
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)));
    let headers = properties.headers().iter().flat_map(|all| all.inner());
    let headers = headers.map(|(name, value)| (name.to_string(), value.clone()));
    own.chain(headers).collect()
}

/// A letter whose message was to be gone after a tenth of a second is still there after a third.
#[apply(broker_test)]
async fn a_letter_does_not_expire() {
    let client = RabbitMq::connect().await;
    let properties = BasicProperties::default().with_expiration("100".into());
    let message = received(&client, properties).await;
    let letters = client.declare_queue(FieldTable::default()).await;
    for way in [Way::Republish, Way::DeadLetter] {
        send_on(&client.channel, &message, way, &letters).await;
    }

    // The broker's clock: what dies here has waited for longer.
    let later = client.declare_queue(FieldTable::default()).await;
    let clock = client.declare_queue(dying(300, &later)).await;
    assert!(publish(&client.channel, &clock, BasicProperties::default()).await);
    let mut later = client.consume(&later).await;
    next(&mut later).await;
    for way in [Way::Republish, Way::DeadLetter] {
        let letter = got(&client, &letters).await;
        let letter = letter.unwrap_or_else(|| panic!("{way:?}: it is gone"));
        assert_eq!(letter.properties.expiration(), &None);
    }
}

/// The broker closes the channel of one who sends with another user's name.
#[apply(broker_test)]
async fn another_users_message_is_sent_on() {
    let client = RabbitMq::connect().await;
    let properties = BasicProperties::default().with_user_id("somebody-else".into());
    let message = received(&client, properties).await;
    let queue = client.declare_queue(FieldTable::default()).await;
    for way in Way::ALL {
        send_on(&client.channel, &message, way, &queue).await;
        let sent = got(&client, &queue).await.expect("the message");
        assert_eq!(sent.properties.user_id(), &None);
    }
}

/// RabbitMQ closes the channel of one who publishes with this `reply_to` and does not consume from it.
/// It comes in where a sender by AMQP 1.0 has written it (RabbitMQ 4).
#[apply(broker_test)]
async fn a_message_that_asks_for_direct_reply_to_is_sent_on() {
    const REPLY_TO: &str = "amq.rabbitmq.reply-to";
    let client = RabbitMq::connect().await;
    let properties = BasicProperties::default().with_reply_to(REPLY_TO.into());
    let message = received(&client, properties).await;
    let queue = client.declare_queue(FieldTable::default()).await;
    for way in Way::ALL {
        send_on(&client.channel, &message, way, &queue).await;
        let sent = got(&client, &queue).await.expect("the message");
        assert_eq!(sent.properties.reply_to(), &None);
        let headers = sent.properties.headers().as_ref().expect("headers");
        let name = format!("{}reply-to", way.prefix());
        let expected = AMQPValue::LongString(REPLY_TO.into());
        assert_eq!(headers.inner().get(&*name), Some(&expected), "{way:?}");
    }
}

/// The message had no delivery mode, so it would be lost with the broker.
#[apply(broker_test)]
async fn a_letter_outlives_the_broker() {
    let queue = "letters";
    let mut broker = broker_with_queue(queue).await;
    let (_connection, channel) = connect(&broker).await;
    let mut message = Delivery::mock(1, "".into(), "orders".into(), false, b"order".to_vec());
    message.properties = BasicProperties::default();
    let producer = InjectingProducer::new(channel);
    let confirm =
        producer.dead_letter(&message, &"no such article", "".into(), queue.into(), PLAIN);
    let confirm = in_time("published", confirm).await.expect("published");
    let answer = in_time("confirmed", confirm).await.expect("confirmed");
    assert!(answer.is_ack());
    broker.kill().await;
    broker.restart().await;

    let (_connection, channel) = connect(&broker).await;
    let letter = channel.basic_get(queue.into(), BasicGetOptions { no_ack: true });
    let letter = in_time("an answer", letter).await.expect("an answer");
    assert_eq!(letter.expect("the letter").data, b"order");
}

/// A message that waits in two queues, one after the other, before it is tried again. Up to 3.13
/// RabbitMQ reads in the `x-death` of a message that was there before that it goes in a circle
/// without anybody's doing, and drops it.
#[apply(broker_test)]
async fn a_message_that_is_tried_again_twice_is_no_circle() {
    let client = RabbitMq::connect().await;
    for way in Way::ALL {
        let work = client.declare_queue(FieldTable::default()).await;
        let second = client.declare_queue(dying(1, &work)).await;
        let first = client.declare_queue(dying(1, &second)).await;
        let mut consumer = client.consume(&work).await;
        assert!(publish(&client.channel, &first, BasicProperties::default()).await);
        for _ in 0..2 {
            let message = next(&mut consumer).await;
            send_on(&client.channel, &message, way, &first).await;
        }
        let message = next(&mut consumer).await;
        let headers = message.properties.headers().as_ref().expect("headers");
        let AMQPValue::FieldArray(deaths) = &headers.inner()["x-death"] else {
            panic!("{headers:?}");
        };
        assert_eq!(deaths.as_slice().len(), 2);
        for death in deaths.as_slice() {
            let AMQPValue::FieldTable(death) = death else {
                panic!("{death:?}");
            };
            let count = &death.inner()["count"];
            assert_eq!(count, &AMQPValue::LongLongInt(1), "of this message alone");
        }
    }
}

/// Federation drops what has come through it as often as it may. What a program sends on has not.
#[apply(broker_test)]
async fn a_federated_message_is_sent_on_to_a_federated_exchange() {
    let broker = PrivateBroker::start(Server::FederatedRabbitMq).await;
    let (_upstream, upstream) = connect_to(&broker, "%2f").await;
    let (_downstream, downstream) = connect_to(&broker, "downstream").await;
    let queue = ShortString::from("federated");
    let options = QueueDeclareOptions {
        exclusive: true,
        ..Default::default()
    };
    let none = FieldTable::default;
    let declared = downstream.queue_declare(queue.clone(), options, none());
    declared.await.expect("a queue");
    let bound = downstream.queue_bind(
        queue.clone(),
        ORDERS.into(),
        "".into(),
        QueueBindOptions::default(),
        none(),
    );
    bound.await.expect("bound");
    let mut arrived = consume(&downstream, &queue).await;

    // The link is there once a message comes through.
    let plain = BasicProperties::default();
    let first = in_time("a federated message", async {
        loop {
            let plain = plain.clone();
            let sent = upstream.basic_publish(ORDERS.into(), "".into(), PLAIN, b"order", plain);
            sent.await.expect("published").await.expect("confirmed");
            let moment = Duration::from_millis(200);
            if let Ok(arrived) = timeout(moment, next(&mut arrived)).await {
                return arrived;
            }
        }
    })
    .await;
    let headers = first.properties.headers().as_ref().expect("headers");
    assert!(headers.contains_key("x-received-from"));

    for way in Way::ALL {
        let id = format!("{way:?}");
        let mut message = Delivery::mock(1, "orders".into(), "".into(), false, b"order".to_vec());
        message.properties = first.properties.clone().with_message_id(id.as_str().into());
        send_on_to(&upstream, &message, way, ORDERS, &ShortString::default()).await;
        // What was sent until the link was there may still come.
        let arrived = loop {
            let arrived = next(&mut arrived).await;
            if arrived.properties.message_id().is_some() {
                break arrived;
            }
        };
        assert_eq!(
            arrived.properties.message_id(),
            message.properties.message_id()
        );
    }
}

const ORDERS: &str = "orders";

/// Arguments of a queue in which a message dies after so many milliseconds, into another one.
fn dying(after: i32, into: &ShortString) -> FieldTable {
    let mut arguments = FieldTable::default();
    arguments.insert("x-message-ttl".into(), AMQPValue::LongInt(after));
    let text = |text: &str| AMQPValue::LongString(text.into());
    arguments.insert("x-dead-letter-exchange".into(), text(""));
    arguments.insert("x-dead-letter-routing-key".into(), text(into.as_str()));
    arguments
}

/// A message that has come from the broker, but for these properties.
async fn received(client: &RabbitMq, properties: BasicProperties) -> BasicGetMessage {
    let queue = client.declare_queue(FieldTable::default()).await;
    assert!(publish(&client.channel, &queue, BasicProperties::default()).await);
    let mut message = got(client, &queue).await.expect("the message");
    message.delivery.properties = properties;
    message
}

/// By the plain channel; whether the broker has taken it.
async fn publish(channel: &Channel, queue: &ShortString, properties: BasicProperties) -> bool {
    let (queue, options) = (queue.clone(), BasicPublishOptions::default());
    let confirm = channel.basic_publish("".into(), queue, options, b"order", properties);
    let confirm = in_time("published", confirm).await.expect("published");
    in_time("confirmed", confirm)
        .await
        .expect("confirmed")
        .is_ack()
}

/// Through the default exchange, with the broker's confirm.
async fn send_on(channel: &Channel, message: &Delivery, way: Way, queue: &ShortString) {
    send_on_to(channel, message, way, "", queue).await;
}

async fn send_on_to(
    channel: &Channel,
    message: &Delivery,
    way: Way,
    exchange: &str,
    queue: &ShortString,
) {
    let producer = InjectingProducer::new(channel.clone());
    let (exchange, queue) = (ShortString::from(exchange), queue.clone());
    let sent = async {
        match way {
            Way::Forward => producer.forward(message, exchange, queue, PLAIN).await,
            Way::Republish => producer.republish(message, exchange, queue, PLAIN).await,
            Way::DeadLetter => {
                let error = "no such article";
                let sent = producer.dead_letter(message, &error, exchange, queue, PLAIN);
                sent.await
            }
        }
    };
    let confirm = in_time("published", sent).await;
    let confirm = confirm.unwrap_or_else(|error| panic!("{way:?}: {error}"));
    let answer = in_time("confirmed", confirm).await;
    let answer = answer.unwrap_or_else(|error| panic!("{way:?}: {error}"));
    assert!(answer.is_ack(), "{way:?}");
}

/// A channel with confirms; the connection has to be kept.
async fn connect(broker: &PrivateBroker) -> (Connection, Channel) {
    connect_to(broker, "%2f").await
}

async fn connect_to(broker: &PrivateBroker, vhost: &str) -> (Connection, Channel) {
    let url = broker.url().trim_end_matches("/%2f");
    let url = format!("{url}/{vhost}");
    let connecting = Connection::connect(&url, ConnectionProperties::default());
    let connection = in_time("connect", connecting).await.expect("a connection");
    let channel = connection.create_channel().await.expect("a channel");
    let confirms = channel.confirm_select(ConfirmSelectOptions::default());
    confirms.await.expect("confirms");
    (connection, channel)
}
