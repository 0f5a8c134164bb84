use super::*;
use crate::native;
use crate::process;
use crate::wire_size::AROUND;
use otel_messaging::Instrumentation;
use otel_messaging::adapter::Carrier;
use rdkafka::consumer::{Consumer, StreamConsumer};
use rdkafka::message::OwnedHeaders;
use rdkafka::mocking::MockCluster;
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(30);

/// What fits without a context is sent, with as much of it as there is room for.
#[tokio::test]
async fn a_context_never_makes_a_record_too_large() {
    let cluster = MockCluster::new(1).expect("an embedded cluster");
    cluster.create_topic("orders", 1, 1).expect("a topic");
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", cluster.bootstrap_servers());
    config.set("message.max.bytes", "2000");
    let plain: FutureProducer = config.create().expect("a producer");
    let producer = InjectingProducer::new(plain.clone());
    let mut carried = OwnedHeaders::new();
    let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let baggage = format!("a=1,b={}", "2".repeat(200));
    for (name, value) in [("traceparent", traceparent), ("baggage", &baggage)] {
        assert!(native::add(
            &mut carried,
            (name.as_bytes(), Some(value.as_bytes()))
        ));
    }
    let context = crate::extract(&carried);
    for (spare, names) in [
        (600, &["traceparent", "baggage"][..]),
        (200, &["traceparent", "baggage"]),
        (68, &["traceparent"]),
        (67, &[]),
        (0, &[]),
    ] {
        // The name and the value of a traceparent have 66 bytes, and their lengths 2.
        let payload = "x".repeat(2000 - AROUND - 1 - spare);
        let record = || FutureRecord::to("orders").key("7").payload(&payload);
        plain.send(record(), PATIENCE).await.expect("it fits");
        let sent = {
            let _attached = context.clone().attach();
            let mut record = record();
            let sent = producer.inject(&mut record);
            let found = record.headers.iter().flat_map(Carrier::keys);
            assert_eq!(found.collect::<Vec<_>>(), names, "{spare}");
            drop(sent);
            producer.send(
                self::FutureRecord {
                    headers: None,
                    ..record
                },
                PATIENCE,
            )
        };
        sent.await.expect("it fits with us too");
    }
    let large = "x".repeat(2000);
    let record = FutureRecord::<str, str>::to("orders").payload(&large);
    let refused = producer.send(record, PATIENCE).await;
    assert!(refused.is_err(), "as without us");
}

/// A header whose name is not UTF-8 comes over the wire and is sent on with the rest, in a
/// detached message; rdkafka's own reading of it panics.
#[tokio::test]
async fn a_name_that_is_not_utf8_is_relayed() {
    let cluster = MockCluster::new(1).expect("an embedded cluster");
    cluster.create_topic("orders", 1, 1).expect("a topic");
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", cluster.bootstrap_servers());
    let plain: FutureProducer = config.create().expect("a producer");
    let consumer: StreamConsumer = config.set("group.id", "g").create().expect("a consumer");
    let mut partitions = TopicPartitionList::new();
    let added = partitions.add_partition_offset("orders", 0, Offset::Beginning);
    added.expect("a partition");
    consumer.assign(&partitions).expect("the partition");

    let mut hostile = OwnedHeaders::new();
    let traceparent = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    assert!(native::add(&mut hostile, (b"\xff\xfe", Some(b"1"))));
    assert!(native::add(
        &mut hostile,
        (b"traceparent", Some(traceparent))
    ));
    let record = FutureRecord::to("orders").key("7").payload("order");
    let sent = plain.send(record.headers(hostile), PATIENCE).await;
    sent.expect("delivered");

    let receive = async || {
        let received = tokio::time::timeout(PATIENCE, consumer.recv()).await;
        received.expect("in time").expect("a message").detach()
    };
    let message = receive().await;
    let producer = InjectingProducer::new(plain);
    let record = FutureRecord::to("orders").key("7").payload("order");
    let record = record.headers(message.headers().expect("headers").clone());
    let sent = process(&message).run(async {
        let error = "no such article";
        producer.send(record, PATIENCE).await?;
        producer.forward(&message, "orders", PATIENCE).await?;
        producer.republish(&message, "orders", PATIENCE).await?;
        producer
            .dead_letter(&message, &error, "orders", PATIENCE)
            .await
    });
    sent.await.expect("delivered");

    for _ in 0..4 {
        let message = receive().await;
        let headers = message.headers().expect("headers").as_borrowed();
        let all: Vec<_> = native::all(headers)
            .filter(|(name, _)| !name.starts_with(b"dead-letter") && name != b"received-timestamp")
            .collect();
        let expected: [native::RawHeader<'_>; 2] = [
            (b"\xff\xfe", Some(b"1")),
            (b"traceparent", Some(traceparent)),
        ];
        assert_eq!(all, expected);
    }
}

/// Switched off, the wrapper sends the headers that it is given.
#[tokio::test]
async fn a_disabled_wrapper_leaves_headers_as_they_are() {
    let plain: FutureProducer = ClientConfig::new().create().expect("a producer");
    let off = InjectingProducer::new(plain).with_instrumentation(Instrumentation::disabled());
    let mut given = OwnedHeaders::new();
    let old = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    assert!(native::add(&mut given, (b"Traceparent", Some(old))));
    let _attached = crate::extract(&given).attach();
    let record = || FutureRecord::<str, str>::to("orders").payload("order");

    let mut without = record();
    drop(off.inject(&mut without));
    assert!(without.headers.is_none());

    let mut with = record().headers(given);
    drop(off.inject(&mut with));
    let headers = with.headers.expect("headers");
    let all: Vec<_> = native::all(headers.as_borrowed()).collect();
    assert_eq!(all, [(&b"Traceparent"[..], Some(&old[..]))]);
}
