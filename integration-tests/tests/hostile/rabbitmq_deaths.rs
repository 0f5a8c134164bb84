//! What makes lapin fail before any code of this project sees it, and what helps. When one of these
//! tests fails, lapin was mended: SECURITY.md has to say so.

use crate::child;
use crate::victim::{TRACEPARENT, Trace, assert_goes_on, sent_on, survives};
use futures_util::StreamExt;
use integration_tests::client::{Client, address, in_time, unique};
use integration_tests::rabbitmq::RabbitMq;
use integration_tests::wire::rabbitmq::{self as wire, entry, nested_tables, sized, text};
use integration_tests::{apply, broker_test};
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicGetOptions, BasicQosOptions, QueueDeclareOptions,
    QueueDeleteOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, Connection, ConnectionProperties, ErrorKind};

/// The stack of lapin's thread overflows, and with that the process ends. A program built with
/// optimisation takes 500 nested tables, one without takes 150; neither takes 5,000.
#[apply(broker_test)]
async fn deeply_nested_tables_end_the_process() {
    let (_connection, channel) = channel().await;
    if let Some(queue) = child::task() {
        let options = BasicGetOptions { no_ack: true };
        let got = in_time("get", channel.basic_get(queue.into(), options)).await;
        panic!("{got:?}");
    }
    let queue = queue(&channel, "classic").await;
    let mut attacker = wire::Connection::open().await;
    attacker.publish(&queue, &nested_tables(b"x", 5_000)).await;
    let test = "rabbitmq_deaths::deeply_nested_tables_end_the_process";
    let output = child::run(test, &queue, None);
    let printed = String::from_utf8_lossy(&output.stderr);
    assert!(
        printed.contains("'lapin-io-loop'") && printed.contains("has overflowed its stack"),
        "{} {printed}",
        output.status
    );
    assert_eq!(output.status.code(), None, "ended by a signal");
    delete(&channel, &queue).await;
}

/// With larger stacks for all threads, tables of any depth that gets into a frame are survived.
#[apply(broker_test)]
async fn larger_stacks_survive_the_deepest_tables() {
    if child::task().is_none() {
        let test = "rabbitmq_deaths::larger_stacks_survive_the_deepest_tables";
        // 64 MiB are enough with optimisation.
        let stack = if cfg!(debug_assertions) { 512 } else { 64 };
        let output = child::run(test, "survive", Some(stack << 20));
        let printed = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{} {printed}", output.status);
        return;
    }
    let (mut client, mut attacker) = (RabbitMq::connect().await, wire::Connection::open().await);
    let good = text(b"traceparent", TRACEPARENT.as_bytes());
    let room = attacker.room() - good.len();
    // A table in a table with an empty name: that byte, a tag and a size.
    let deepest = nested_tables(b"", room / 6);
    let arrays = (0..(room - 1) / 5).fold(Vec::new(), |inner, _| {
        entry(b"", b'A', &sized(&inner))[1..].to_vec()
    });
    let arrays = [&b"\0"[..], &arrays].concat();
    for hostile in [
        nested_tables(b"x", 500),
        nested_tables(b"x", 5_000),
        deepest,
        arrays,
    ] {
        let headers = [hostile, good.clone()].concat();
        attacker.publish(client.queue.as_str(), &headers).await;
        let message = survives(&mut client, Trace::Of(TRACEPARENT)).await;
        let (next, _) = sent_on(&mut client, &message).await;
        let names = next
            .properties
            .headers()
            .as_ref()
            .map(|all| all.inner().len());
        assert_eq!(names, Some(2));
    }
}

/// lapin fails its connection on a header name that is not UTF-8, and on a frame that is larger
/// than was negotiated, of which RabbitMQ lets 8 bytes pass. A message that was not acknowledged
/// stays in its queue, and the next consumer fails in the same way. A quorum queue with a delivery
/// limit gets rid of it; the consumers take one message at a time, or it would get rid of what
/// they took with it too.
#[apply(broker_test)]
async fn some_messages_fail_every_consumer_of_their_queue() {
    let (_connection, own) = channel().await;
    let mut attacker = wire::Connection::open().await;
    let large = |more: usize| {
        let size = attacker.room() + more - text(b"x", b"").len();
        text(b"x", &vec![b'x'; size])
    };
    let (largest, larger) = (large(0), [large(1), large(8)]);
    let parsing: fn(&ErrorKind) -> bool = |kind| matches!(kind, ErrorKind::ParsingError(_));
    let protocol: fn(&ErrorKind) -> bool = |kind| matches!(kind, ErrorKind::ProtocolError(_));
    let not_utf8 = text(b"\xff\xfe", b"1");
    for (kind, hostile, is_expected) in [
        ("classic", &not_utf8, parsing),
        ("quorum", &not_utf8, parsing),
        ("quorum", &larger[0], protocol),
        ("quorum", &larger[1], protocol),
    ] {
        let queue = queue(&own, kind).await;
        attacker.publish(&queue, hostile).await;
        attacker.publish(&queue, &largest).await;
        for _ in 0..=DELIVERY_LIMIT {
            let error = first_delivery(&queue).await.expect_err("lapin fails");
            assert!(is_expected(error.kind()), "{error}");
        }
        let goes_on = first_delivery(&queue).await.is_ok();
        assert_eq!(goes_on, kind == "quorum");
        delete(&own, &queue).await;
    }
    // Others go on: the connection of the consumer alone is closed.
    assert_goes_on(&mut RabbitMq::connect().await).await;
}

/// How often a quorum queue here delivers a message again.
const DELIVERY_LIMIT: i32 = 2;

/// Acknowledges the first message of a queue, on a connection of its own.
async fn first_delivery(queue: &str) -> lapin::Result<()> {
    let (_connection, channel) = channel().await;
    let one = channel.basic_qos(1, BasicQosOptions::default());
    in_time("an answer", one).await?;
    let options = BasicConsumeOptions::default();
    let consumer = channel.basic_consume(queue.into(), "".into(), options, FieldTable::default());
    // The delivery may be there before the answer is read.
    let mut consumer = in_time("a consumer", consumer).await?;
    let next = in_time("a delivery", consumer.next()).await;
    let delivery = next.expect("a delivery or an error")?;
    delivery.ack(BasicAckOptions::default()).await?;
    Ok(())
}

async fn channel() -> (Connection, Channel) {
    let properties = ConnectionProperties::default();
    let url = address("AMQP_URL");
    let connection = in_time("connect", Connection::connect(&url, properties)).await;
    let connection = connection.expect("a connection");
    let channel = connection.create_channel().await.expect("a channel");
    (connection, channel)
}

/// A queue that outlives the connections of its consumers.
async fn queue(channel: &Channel, kind: &str) -> String {
    let queue = unique("deadly");
    let mut arguments = FieldTable::default();
    let kind = AMQPValue::LongString(kind.into());
    arguments.insert("x-queue-type".into(), kind.clone());
    arguments.insert("x-expires".into(), AMQPValue::LongInt(60_000));
    if kind == AMQPValue::LongString("quorum".into()) {
        let limit = AMQPValue::LongInt(DELIVERY_LIMIT);
        arguments.insert("x-delivery-limit".into(), limit);
    }
    let options = QueueDeclareOptions {
        durable: true,
        ..Default::default()
    };
    let declared = channel.queue_declare(queue.as_str().into(), options, arguments);
    in_time("a queue", declared).await.expect("a queue");
    queue
}

async fn delete(channel: &Channel, queue: &str) {
    let deleted = channel.queue_delete(queue.into(), QueueDeleteOptions::default());
    in_time("deletion", deleted).await.expect("deleted");
}
