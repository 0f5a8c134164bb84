//! Exchanges that the doctor does not touch, because a queue of its own would change what others get.

use crate::program::{counted, refuses};
use crate::rabbitmq::{counts_of, declare, publish};
use integration_tests::client::{Client, address, unique};
use integration_tests::rabbitmq::RabbitMq;
use integration_tests::{apply, broker_test};
use lapin::ExchangeKind;
use lapin::options::{ExchangeDeclareOptions, QueueBindOptions};
use lapin::types::{AMQPValue, FieldTable, ShortString};

async fn exchange(
    client: &RabbitMq,
    kind: ExchangeKind,
    options: ExchangeDeclareOptions,
    alternate: Option<&str>,
) -> String {
    let name = unique("shop");
    let mut arguments = FieldTable::default();
    if let Some(alternate) = alternate {
        let alternate = AMQPValue::LongString(alternate.into());
        arguments.insert("alternate-exchange".into(), alternate);
    }
    let declared = client
        .channel
        .exchange_declare(name.as_str().into(), kind, options, arguments);
    declared.await.expect("an exchange");
    name
}

async fn bind(client: &RabbitMq, queue: &ShortString, exchange: &str) {
    let (exchange, key, options) = (
        exchange.into(),
        "orders".into(),
        QueueBindOptions::default(),
    );
    let bound =
        client
            .channel
            .queue_bind(queue.clone(), exchange, key, options, FieldTable::default());
    bound.await.expect("bound");
}

fn durable(durable: bool) -> ExchangeDeclareOptions {
    ExchangeDeclareOptions {
        durable,
        ..ExchangeDeclareOptions::default()
    }
}

fn place<'a>(url: &'a str, exchange: &'a str) -> Vec<&'a str> {
    let place = ["rabbitmq", "--url", url, "--exchange", exchange];
    [&place[..], &["--for", "1s", "--routing-key", "orders"]].concat()
}

#[apply(broker_test)]
async fn an_exchange_that_deletes_itself_is_still_there() {
    let (client, url) = (RabbitMq::connect().await, address("AMQP_URL"));
    for kind in [ExchangeKind::Direct, ExchangeKind::Topic] {
        for durable in [false, true] {
            let options = ExchangeDeclareOptions {
                durable,
                auto_delete: true,
                ..ExchangeDeclareOptions::default()
            };
            let exchange = exchange(&client, kind.clone(), options, None).await;
            refuses(&place(&url, &exchange), &[&exchange, "auto-delete"]).await;
            // Nobody was bound to it, so the doctor's binding would have been its last.
            let queue = declare(&client, "orders", "classic").await;
            bind(&client, &queue, &exchange).await;
            assert!(publish(&client, &exchange, "orders").await);
        }
    }
}

#[apply(broker_test)]
async fn an_alternate_exchange_loses_nothing() {
    let (client, url) = (RabbitMq::connect().await, address("AMQP_URL"));
    let unrouted = exchange(&client, ExchangeKind::Fanout, durable(true), None).await;
    let queue = declare(&client, "unrouted", "classic").await;
    bind(&client, &queue, &unrouted).await;
    for kind in [ExchangeKind::Direct, ExchangeKind::Topic] {
        let exchange = exchange(&client, kind, durable(true), Some(&unrouted)).await;
        refuses(&place(&url, &exchange), &[&exchange, "alternate exchange"]).await;
        assert!(publish(&client, &exchange, "orders").await);
    }
    assert_eq!(counts_of(&client, &queue).await, (2, 0));
}

#[apply(broker_test)]
async fn other_properties_of_an_exchange_do_no_harm() {
    let (client, url) = (RabbitMq::connect().await, address("AMQP_URL"));
    for internal in [false, true] {
        let options = ExchangeDeclareOptions {
            internal,
            ..durable(!internal)
        };
        let exchange = exchange(&client, ExchangeKind::Topic, options, None).await;
        assert_eq!(
            counted(&place(&url, &exchange)).await,
            (0, "time".to_owned())
        );
    }
}
