//! Queues that limit how many bytes they keep.

use crate::PLAIN;
use integration_tests::client::{Client, in_time, unique};
use integration_tests::rabbitmq::RabbitMq;
use integration_tests::spans::Spans;
use integration_tests::{apply, broker_test};
use lapin::BasicProperties;
use lapin::options::{QueueDeclareOptions, QueueDeleteOptions};
use lapin::types::{AMQPValue, FieldTable, LongString, ShortString};
use opentelemetry::KeyValue;
use opentelemetry::baggage::BaggageExt;
use otel_messaging_lapin::{InjectingProducer, Instrumentation};

const SIZE: usize = 190;
const PLACES: i32 = 10;

/// RabbitMQ counts bodies alone against `x-max-length-bytes`: the queue is full after as many messages
/// with the wrapper as without it, however large their contexts are.
#[apply(broker_test)]
async fn a_full_queue_counts_no_context() {
    let (client, spans) = (RabbitMq::connect().await, Spans::new());
    for kind in ["classic", "quorum"] {
        let with = accepted(&client, &spans.instrumentation, kind).await;
        let without = accepted(&client, &Instrumentation::disabled(), kind).await;
        assert_eq!(with, without, "{kind}");
        assert!(with >= PLACES as usize, "{kind}");
    }
}

/// How many messages the queue accepts before it refuses one.
async fn accepted(client: &RabbitMq, by: &Instrumentation, kind: &str) -> usize {
    let queue = declare(client, kind).await;
    let producer = InjectingProducer::new(client.channel.clone()).with_instrumentation(by.clone());
    let context = opentelemetry::Context::new();
    let context = context.with_baggage([KeyValue::new("order", "x".repeat(1_000))]);
    let mut count = 0;
    loop {
        let publish = {
            let _attached = context.clone().attach();
            let properties = BasicProperties::default();
            producer.basic_publish("".into(), queue.clone(), PLAIN, &[b'x'; SIZE], properties)
        };
        let confirm = publish.await.expect("published");
        let confirmed = in_time("a confirm", confirm).await.expect("an answer");
        if confirmed.is_nack() {
            break;
        }
        count += 1;
        assert!(count < 1_000, "{kind}: it refuses nothing");
    }
    let deleted = client
        .channel
        .queue_delete(queue, QueueDeleteOptions::default());
    deleted.await.expect("deleted");
    count
}

async fn declare(client: &RabbitMq, kind: &str) -> ShortString {
    let mut arguments = FieldTable::default();
    let text = |text: &str| AMQPValue::LongString(LongString::from(text));
    let limit = PLACES * i32::try_from(SIZE).expect("a small number");
    for (name, value) in [
        ("x-queue-type", text(kind)),
        ("x-overflow", text("reject-publish")),
        ("x-max-length-bytes", AMQPValue::LongInt(limit)),
    ] {
        arguments.insert(name.into(), value);
    }
    let queue = ShortString::from(unique("full"));
    let options = QueueDeclareOptions {
        durable: true,
        ..Default::default()
    };
    let declared = client
        .channel
        .queue_declare(queue.clone(), options, arguments);
    declared.await.expect("a queue");
    queue
}
