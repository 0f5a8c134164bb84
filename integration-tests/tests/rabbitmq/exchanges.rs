//! Exchanges of every kind route as they do without a context in the headers.

use crate::PLAIN;
use integration_tests::client::{Client, unique};
use integration_tests::rabbitmq::RabbitMq;
use integration_tests::spans::{Spans, assert_child};
use integration_tests::{apply, broker_test};
use lapin::message::BasicGetMessage;
use lapin::options::{BasicGetOptions, ExchangeDeclareOptions, QueueBindOptions};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{BasicProperties, ExchangeKind};

/// A queue that is bound by a key and by arguments, and whether the message reaches it.
struct Bound {
    key: &'static str,
    arguments: FieldTable,
    reached: bool,
}

fn by_key(key: &'static str, reached: bool) -> Bound {
    Bound {
        key,
        arguments: FieldTable::default(),
        reached,
    }
}

fn by_headers(kind: &str, headers: &[(&str, &str)], reached: bool) -> Bound {
    let mut arguments = table(headers);
    arguments.insert("x-match".into(), AMQPValue::LongString(kind.into()));
    Bound {
        key: "",
        arguments,
        reached,
    }
}

#[apply(broker_test)]
async fn a_direct_exchange_routes_by_the_whole_key() {
    let bound = [by_key("order.new", true), by_key("order", false)];
    routes(ExchangeKind::Direct, bound).await;
}

#[apply(broker_test)]
async fn a_fanout_exchange_routes_to_all() {
    routes(
        ExchangeKind::Fanout,
        [by_key("", true), by_key("any", true)],
    )
    .await;
}

#[apply(broker_test)]
async fn a_topic_exchange_routes_by_pattern() {
    let bound = [
        by_key("order.*", true),
        by_key("#", true),
        by_key("*.old", false),
    ];
    routes(ExchangeKind::Topic, bound).await;
}

/// The headers of the context take no part: with them there, all of the others have still to be
/// equal where all have to be, and one where any may.
#[apply(broker_test)]
async fn a_headers_exchange_routes_by_the_callers_headers() {
    let bound = [
        by_headers("all", &[("type", "order"), ("state", "new")], true),
        by_headers("any", &[("type", "order"), ("state", "old")], true),
        by_headers("all", &[("type", "order"), ("state", "old")], false),
        by_headers(
            "any",
            &[("type", "invoice"), ("baggage", "tenant=other")],
            false,
        ),
        by_headers("any", &[("traceparent", ""), ("tracestate", "")], false),
    ];
    routes(ExchangeKind::Headers, bound).await;
}

async fn routes<const N: usize>(kind: ExchangeKind, bound: [Bound; N]) {
    let (client, spans) = (RabbitMq::connect().await, Spans::new());
    let exchange = ShortString::from(unique("shop"));
    let options = ExchangeDeclareOptions {
        auto_delete: true,
        ..Default::default()
    };
    let (channel, none) = (&client.channel, FieldTable::default());
    let declared = channel.exchange_declare(exchange.clone(), kind, options, none);
    declared.await.expect("an exchange");
    let mut queues = Vec::new();
    for Bound {
        key,
        arguments,
        reached,
    } in bound
    {
        let queue = client.declare_queue(FieldTable::default()).await;
        let (exchange, options) = (exchange.clone(), QueueBindOptions::default());
        let bound = channel.queue_bind(queue.clone(), exchange, key.into(), options, arguments);
        bound.await.expect("a binding");
        queues.push((queue, reached));
    }

    let headers = table(&[("type", "order"), ("state", "new")]);
    let properties = BasicProperties::default().with_headers(headers);
    let key = ShortString::from("order.new");
    let producer = client.producer(&spans);
    let confirm = producer.basic_publish(exchange.clone(), key, PLAIN, b"order", properties);
    confirm.await.expect("published").await.expect("confirmed");
    let sent = spans.named(&format!("publish {exchange}:order.new"));
    for (queue, reached) in queues {
        let message = channel.basic_get(queue, BasicGetOptions { no_ack: true });
        let message: Option<BasicGetMessage> = message.await.expect("an answer");
        assert_eq!(message.is_some(), reached);
        if let Some(message) = message {
            let handling = Spans::new();
            let handled = handling
                .instrumentation
                .with_message_context(&message, |_| async {});
            handled.await;
            let processed = handling.named(&format!("process {exchange}:order.new"));
            assert_child(&processed, &sent.span_context);
        }
    }
}

fn table(headers: &[(&str, &str)]) -> FieldTable {
    let mut table = FieldTable::default();
    for (name, value) in headers {
        table.insert((*name).into(), AMQPValue::LongString((*value).into()));
    }
    table
}
