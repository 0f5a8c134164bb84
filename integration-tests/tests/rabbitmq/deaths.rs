//! What RabbitMQ does with an `x-death` that a client has published: SECURITY.md has a row of it.

use crate::PLAIN;
use integration_tests::client::Client;
use integration_tests::rabbitmq::{RabbitMq, next};
use integration_tests::version::Version;
use integration_tests::{apply, broker_test};
use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldArray, FieldTable, ShortString};
use std::collections::BTreeMap;

/// A message that says of itself that it died five times in the queue where it now dies.
#[apply(broker_test)]
async fn deaths_that_a_client_publishes_count_up_to_3_13() {
    let client = RabbitMq::connect().await;
    let work = client.declare_queue(FieldTable::default()).await;
    let waiting = client.declare_queue(dying_into(&work)).await;
    let mut consumer = client.consume(&work).await;
    let headers = [("x-death".into(), five_deaths_in(&waiting))];
    let headers = FieldTable::from(BTreeMap::from(headers));
    let properties = BasicProperties::default().with_headers(headers);
    let channel = &client.channel;
    let confirm = channel.basic_publish("".into(), waiting.clone(), PLAIN, b"order", properties);
    confirm.await.expect("published").await.expect("confirmed");

    let message = next(&mut consumer).await;
    let headers = message.properties.headers().as_ref().expect("headers");
    let AMQPValue::FieldArray(deaths) = &headers.inner()["x-death"] else {
        panic!("{headers:?}");
    };
    let [AMQPValue::FieldTable(death)] = deaths.as_slice() else {
        panic!("{deaths:?}");
    };
    let counted = if Version::of_rabbitmq().await < Version(4, 0) {
        6
    } else {
        1
    };
    let count = &death.inner()["count"];
    assert_eq!(count, &AMQPValue::LongLongInt(counted), "{death:?}");
}

fn text(text: &str) -> AMQPValue {
    AMQPValue::LongString(text.into())
}

/// The arguments of a queue whose messages go to another at once.
fn dying_into(queue: &ShortString) -> FieldTable {
    FieldTable::from(BTreeMap::from([
        ("x-message-ttl".into(), AMQPValue::LongInt(1)),
        ("x-dead-letter-exchange".into(), text("")),
        ("x-dead-letter-routing-key".into(), text(queue.as_str())),
    ]))
}

/// As RabbitMQ writes them.
fn five_deaths_in(queue: &ShortString) -> AMQPValue {
    let death = FieldTable::from(BTreeMap::from([
        ("count".into(), AMQPValue::LongLongInt(5)),
        ("queue".into(), text(queue.as_str())),
        ("reason".into(), text("expired")),
        ("exchange".into(), text("")),
        (
            "routing-keys".into(),
            AMQPValue::FieldArray(FieldArray::from(vec![text(queue.as_str())])),
        ),
    ]));
    AMQPValue::FieldArray(FieldArray::from(vec![AMQPValue::FieldTable(death)]))
}
