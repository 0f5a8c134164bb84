//! Tasks that RabbitMQ delays for a client in Python: those that Celery calls natively delayed.

use crate::program::Program;
use integration_tests::client::{in_time, unique};
use integration_tests::private::{PrivateBroker, Server};
use integration_tests::rabbitmq::{consume, next};
use integration_tests::spans::{Spans, attribute};
use integration_tests::{apply, broker_test};
use lapin::options::{
    BasicGetOptions, ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions,
};
use lapin::types::{FieldTable, ShortString};
use lapin::{Channel, Connection, ConnectionProperties, ExchangeKind};
use otel_messaging_celery::try_with_task_by;
use otel_messaging_lapin::InjectingProducer;

/// Through which a task leaves the delay.
const DELIVERY: &str = "celery_delayed_delivery";

async fn declare(channel: &Channel, queue: &ShortString) {
    let options = QueueDeclareOptions::default();
    let declared = channel.queue_declare(queue.clone(), options, FieldTable::default());
    declared.await.expect("a queue");
}

/// As workers in Python do.
async fn declare_delivery(channel: &Channel) {
    let options = ExchangeDeclareOptions {
        durable: true,
        ..Default::default()
    };
    let (kind, none) = (ExchangeKind::Topic, FieldTable::default());
    let declared = channel.exchange_declare(DELIVERY.into(), kind, options, none);
    declared.await.expect("an exchange");
}

async fn bind(channel: &Channel, queue: &ShortString, key: &str) {
    let (options, none) = (QueueBindOptions::default(), FieldTable::default());
    let bound = channel.queue_bind(queue.clone(), DELIVERY.into(), key.into(), options, none);
    bound.await.expect("a binding");
}

/// The routing key has the delay in it, and the exchange is another one for some delays.
#[apply(broker_test)]
async fn a_delayed_task_reaches_a_queue_that_is_bound_under_one_name() {
    let (broker, spans) = (PrivateBroker::start(Server::RabbitMq).await, Spans::new());
    let properties = ConnectionProperties::default();
    let connection = in_time("connect", Connection::connect(broker.url(), properties)).await;
    let connection = connection.expect("a connection");
    let channel = connection.create_channel().await.expect("a channel");
    let queue = ShortString::from(unique("rust"));
    let all = ShortString::from(unique("all"));
    declare(&channel, &queue).await;
    declare(&channel, &all).await;
    let send = |countdown: u8| {
        let option = format!("countdown={countdown}");
        Program::client_of(
            &broker,
            queue.as_str(),
            &format!("[{countdown}]"),
            &[&option],
        )
    };

    // Nobody has bound the queue to where delayed tasks come out, as a worker does with its own.
    declare_delivery(&channel).await;
    bind(&channel, &all, "#").await;
    let mut passing = consume(&channel, &all).await;
    let mut client = send(1);
    client.line("a task", |line| line["sent"].is_string()).await;
    let delivery = next(&mut passing).await;
    assert!(delivery.routing_key.as_str().ends_with(queue.as_str()));
    let options = BasicGetOptions { no_ack: true };
    let lost = channel.basic_get(queue.clone(), options).await;
    assert!(lost.expect("an answer").is_none(), "it was delivered");

    bind(&channel, &queue, &format!("#.{queue}")).await;
    let mut consumer = consume(&channel, &queue).await;
    let mut exchanges = Vec::new();
    for countdown in [1, 2] {
        let mut client = send(countdown);
        let sent = |line: &serde_json::Value| line["span"] == "apply_async/orders.pack";
        let sent = client.line("the client's span", sent).await;
        let delivery = next(&mut consumer).await;
        exchanges.push(delivery.exchange.to_string());
        let spans = Spans::new();
        let handled = try_with_task_by(&spans.instrumentation, &delivery, async |task| {
            let (order,): (u8,) = task?.args()?;
            assert_eq!(order, countdown);
            Ok::<_, otel_messaging_celery::ReadError>(())
        });
        handled.await.expect("a task");
        let span = spans.named(&format!("process {queue}"));
        assert_eq!(sent["id"], span.parent_span_id.to_string());
        let name = attribute(&span, "messaging.destination.name");
        assert_eq!(name, Some(queue.to_string().into()));
    }
    assert_ne!(exchanges[0], exchanges[1]);

    // What is dead-lettered to where it failed keeps the delay in its routing key.
    let producer =
        InjectingProducer::new(channel.clone()).with_instrumentation(spans.instrumentation.clone());
    let key = format!("{}1.{queue}", "0.".repeat(27));
    let published = producer.basic_publish(
        DELIVERY.into(),
        key.into(),
        Default::default(),
        b"order",
        Default::default(),
    );
    drop(published.await.expect("published"));
    spans.named(&format!("publish {queue}"));
}

/// The exchange that the client publishes to is not there. RabbitMQ closes the channel for that, and the
/// client finds it closed in a later call.
#[apply(broker_test)]
async fn a_delayed_task_is_lost_where_no_worker_was_ever_started() {
    let broker = PrivateBroker::start(Server::RabbitMq).await;
    let options = ["countdown=1", "before-workers", "again"];
    let mut client = Program::client_of(&broker, &unique("rust"), "[7]", &options);
    client.line("a task", |line| line["sent"].is_string()).await;
    let again = client.line("an error", |line| line["again"].is_string());
    assert_eq!(again.await["again"], "NotFound");
}
