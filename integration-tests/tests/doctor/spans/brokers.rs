//! The other brokers, whose messages tell less of where they are.

use super::service::{Service, hop, look_with_spans, receive};
use super::{AUDIT, BILLING, SHOP, assert_names_traces, assert_valid};
use crate::rabbitmq::declare;
use async_nats::jetstream::consumer::pull;
use async_nats::jetstream::stream::{Config, StorageType};
use futures_util::StreamExt;
use integration_tests::client::{Client, address, in_time, unique};
use integration_tests::nats::JetStream;
use integration_tests::rabbitmq::RabbitMq;
use integration_tests::{apply, broker_test};
use lapin::ExchangeKind;
use lapin::options::{ExchangeDeclareOptions, QueueBindOptions};
use lapin::types::{FieldTable, ShortString};
use opentelemetry::trace::FutureExt;
use otel_messaging::instrumentation::{Builder, Relation};
use otel_messaging::trust::{IncomingPolicy, Messages};

fn restarts(builder: Builder) -> Builder {
    builder.with_incoming(Messages::all(), IncomingPolicy::RestartWithoutLink)
}

fn links(builder: Builder) -> Builder {
    builder.with_relation(Relation::Link)
}

/// An exchange that gives each message to the services' queue and to one that nobody consumes.
async fn exchange(client: &RabbitMq) -> [ShortString; 2] {
    let exchange = ShortString::from(unique("exchange"));
    let options = ExchangeDeclareOptions {
        auto_delete: true,
        ..ExchangeDeclareOptions::default()
    };
    let (channel, no_table) = (&client.channel, FieldTable::default);
    let declared =
        channel.exchange_declare(exchange.clone(), ExchangeKind::Fanout, options, no_table());
    declared.await.expect("an exchange");
    let waiting = declare(client, "waiting", "classic").await;
    for queue in [&client.queue, &waiting] {
        let options = QueueBindOptions::default();
        let bound = channel.queue_bind(
            queue.clone(),
            exchange.clone(),
            "eu".into(),
            options,
            no_table(),
        );
        bound.await.expect("bound");
    }
    [exchange, waiting]
}

#[apply(broker_test)]
async fn rabbitmq() {
    let mut client = RabbitMq::connect().await;
    let [exchange, waiting] = exchange(&client).await;
    let (shop, billing) = (Service::named("shop"), Service::named("billing"));
    let audit = Service::with("audit", restarts);
    let producer = otel_messaging_lapin::InjectingProducer::new(client.channel.clone());
    let producer = producer.with_instrumentation(shop.instrumentation.clone());
    for _ in 0..3 {
        let properties = lapin::BasicProperties::default();
        let published = producer.basic_publish(
            exchange.clone(),
            "eu".into(),
            Default::default(),
            b"order",
            properties,
        );
        let confirmed = async { published.await.expect("published").await };
        let confirmed = confirmed.with_context(shop.request()).await;
        confirmed.expect("confirmed");
    }
    let messages = receive(&mut client, 3).await;
    billing.handle::<RabbitMq>(&messages).await;
    audit.handle::<RabbitMq>(&messages).await;

    let url = address("AMQP_URL");
    let arguments = [
        "rabbitmq",
        "--url",
        &url,
        "--queue",
        waiting.as_str(),
        "--requeue",
    ];
    let exchange = exchange.as_str();
    let report = look_with_spans(&arguments, &[&shop, &billing]).await;
    assert_valid(&report, 3);
    assert_eq!(report.hops(), [hop([SHOP, BILLING], exchange, "joined", 3)]);
    assert_eq!(report.found(), []);

    // A span that tells no message's id is known by its destination, as long as no other consumer joins.
    let report = look_with_spans(&arguments, &[&shop, &audit]).await;
    assert_valid(&report, 3);
    assert_eq!(
        report.hops(),
        [hop([SHOP, AUDIT], exchange, "own_trace", 3)]
    );
    assert_eq!(report.found(), [("consumer-own-trace", 3, 3)]);
    let what = report.what("consumer-own-trace");
    assert!(what.contains("But audit has 3 spans"), "{what}");
    assert_names_traces(what, &shop, &audit);

    let deleted = client.channel.queue_delete(waiting, Default::default());
    deleted.await.expect("deleted");
}

#[apply(broker_test)]
async fn nats() {
    let mut client = JetStream::connect().await;
    let (shop, billing) = (Service::named("shop"), Service::with("billing", restarts));
    let audit = Service::with("audit", links);
    shop.send(&client, 4).await;
    let messages = receive(&mut client, 4).await;
    billing.handle::<JetStream>(&messages).await;
    audit.handle::<JetStream>(&messages[..3]).await;
    let (server, stream) = (address("NATS_URL"), client.subject.as_str());
    let arguments = ["nats", "--server", &server, "--stream", stream];
    let report = look_with_spans(&arguments, &[&shop, &audit]).await;
    assert_valid(&report, 4);
    // As everywhere in the report, the number in the subject is left out.
    assert_eq!(
        report.hops(),
        [
            hop([SHOP, AUDIT], "*", "only_linked", 3),
            hop([SHOP, None], "*", "no_consumer", 1),
        ]
    );
    assert_eq!(
        report.found(),
        [("consumer-only-linked", 3, 4), ("no-consumer-span", 1, 4)]
    );
    assert_names_traces(report.what("consumer-only-linked"), &shop, &audit);

    let report = look_with_spans(&arguments, &[&shop, &billing]).await;
    assert_eq!(report.hops(), [hop([SHOP, BILLING], "*", "own_trace", 4)]);
    assert_eq!(report.found(), [("consumer-own-trace", 4, 4)]);
    let what = report.what("consumer-own-trace");
    assert!(what.contains("But billing has 4 spans"), "{what}");
    assert_names_traces(what, &shop, &billing);
}

#[apply(broker_test)]
async fn subjects_with_an_order_in_each_are_one_hop() {
    let client = JetStream::connect().await;
    let name = unique("orders");
    let config = Config {
        name: name.clone(),
        subjects: vec![format!("{name}.*.placed")],
        storage: StorageType::Memory,
        ..Config::default()
    };
    let stream = client.context.create_stream(config).await;
    let stream = stream.expect("a stream");
    let (shop, billing) = (Service::named("shop"), Service::named("billing"));
    let audit = Service::with("audit", restarts);
    for order in 1..=5 {
        let subject = format!("{name}.{order}.placed");
        let producer = client.injecting(&shop.instrumentation);
        let published = producer.publish(subject, "order".into());
        let stored = async { published.await.expect("published").await };
        let stored = stored.with_context(shop.request()).await;
        stored.expect("stored");
    }
    let consumer = stream.create_consumer(pull::Config::default()).await;
    let consumed = consumer.expect("a consumer").messages().await;
    let mut consumed = consumed.expect("messages");
    let mut messages = Vec::new();
    for _ in 0..5 {
        let next = in_time("a message", consumed.next()).await;
        messages.push(next.expect("it goes on").expect("a message"));
    }
    billing.handle::<JetStream>(&messages[..3]).await;
    audit.handle::<JetStream>(&messages).await;
    let server = address("NATS_URL");
    let arguments = ["nats", "--server", &server, "--stream", &name];
    let report = look_with_spans(&arguments, &[&shop, &billing]).await;
    assert_valid(&report, 5);
    assert_eq!(
        report.hops(),
        [
            hop([SHOP, BILLING], "*.*.placed", "joined", 3),
            hop([SHOP, None], "*.*.placed", "no_consumer", 2),
        ]
    );
    assert_eq!(report.found(), [("no-consumer-span", 2, 5)]);

    let report = look_with_spans(&arguments, &[&shop, &audit]).await;
    let own = hop([SHOP, AUDIT], "*.*.placed", "own_trace", 5);
    assert_eq!(report.hops(), [own]);
    assert_eq!(report.found(), [("consumer-own-trace", 5, 5)]);
    let what = report.what("consumer-own-trace");
    assert!(what.contains("But audit has 5 spans"), "{what}");
}
