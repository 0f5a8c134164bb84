use super::*;
use crate::native;
use crate::process;
use crate::record::Injector;
use crate::wire_size::AROUND;
use otel_messaging::Instrumentation;
use otel_messaging::adapter::Carrier;
use proptest::prelude::*;
use rdkafka::consumer::{Consumer, StreamConsumer};
use rdkafka::message::{OwnedHeaders, OwnedMessage, Timestamp};
use rdkafka::mocking::MockCluster;
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};
use std::sync::LazyLock;
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
            let sent = producer.inject(&mut record, true);
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

/// A record that is not sent once more never tries whether the topic still refuses its size: not before, and
/// not after one that is sent once more tried it.
#[tokio::test]
async fn only_a_record_that_can_be_repeated_tries_a_refused_size() {
    let plain: FutureProducer = ClientConfig::new().create().expect("a producer");
    let mut config = ClientConfig::new();
    let strict: FutureProducer = config
        .set("enable.idempotence", "true")
        .create()
        .expect("a producer");
    let (producer, strict) = (
        InjectingProducer::new(plain),
        InjectingProducer::new(strict),
    );
    let mut carried = OwnedHeaders::new();
    let traceparent = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    assert!(native::add(
        &mut carried,
        (b"traceparent", Some(traceparent))
    ));
    let _attached = crate::extract(&carried).attach();
    for injector in [&producer.injector, &strict.injector] {
        injector.refused.note_refusal_of_batch("orders", 5);
    }
    let has_context = |injector: &Injector, is_repeatable| {
        let mut record = FutureRecord::<str, str>::to("orders").payload("order");
        let described = described(&record);
        drop(injector.inject(described, &mut record.headers, is_repeatable));
        record.headers.is_some()
    };
    // One comes within the seconds after the refusal.
    let start = Instant::now();
    let mut tries = 0;
    while tries == 0 && start.elapsed() < PATIENCE {
        assert!(!has_context(&producer.injector, false));
        assert!(!has_context(&strict.injector, strict.injector.may_repeat));
        tries += u32::from(has_context(
            &producer.injector,
            producer.injector.may_repeat,
        ));
    }
    assert_eq!(tries, 1);
    assert!(!has_context(&producer.injector, false));
    assert!(!has_context(&strict.injector, strict.injector.may_repeat));
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
    drop(off.inject(&mut without, true));
    assert!(without.headers.is_none());

    let mut with = record().headers(given);
    drop(off.inject(&mut with, true));
    let headers = with.headers.expect("headers");
    let all: Vec<_> = native::all(headers.as_borrowed()).collect();
    assert_eq!(all, [(&b"Traceparent"[..], Some(&old[..]))]);
}

/// A header that a message may have: of anybody's, of a propagator's, and one that gets another name.
fn header() -> impl Strategy<Value = (&'static str, Option<String>)> {
    let name = prop::sample::select(vec![
        "order",
        "Traceparent",
        "tracestate",
        "baggage",
        "retry_topic-attempts",
        "dead-letter-source",
        "dead-letter-error",
        "received-timestamp",
    ]);
    let value = prop_oneof![
        Just(Some(
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()
        )),
        prop::option::of("[a-z=,]{0,80}"),
    ];
    (name, value)
}

/// A producer of small records, without a broker.
static SMALL: LazyLock<FutureProducer> = LazyLock::new(|| {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", "127.0.0.1:1");
    config.set("message.max.bytes", "1000");
    config.create().expect("a producer")
});

proptest! {
    /// Whatever librdkafka takes without the wrapper it takes with it, because the room for headers is
    /// known: nothing is left to send a second time when librdkafka itself refuses a record.
    #[test]
    fn librdkafka_refuses_nothing_for_what_the_wrapper_adds(
        payload in prop::option::of(400..1_100_usize),
        key in prop::option::of(0..40_usize),
        headers in prop::option::of(prop::collection::vec(header(), 0..8)),
        has_span: bool,
        baggage in 0..300_usize,
        way in 0..4_u8,
    ) {
        let plain: &FutureProducer = &SMALL;
        let producer = InjectingProducer::new(plain.clone());
        let headers = headers.map(|headers| {
            let mut all = OwnedHeaders::new();
            for (name, value) in &headers {
                native::add(&mut all, (name.as_bytes(), value.as_ref().map(String::as_bytes)));
            }
            all
        });
        let (payload, key) = (payload.map(|size| vec![b'x'; size]), key.map(|size| vec![b'k'; size]));
        let record = || FutureRecord::<[u8], [u8]> {
            topic: "orders",
            partition: None,
            payload: payload.as_deref(),
            key: key.as_deref(),
            timestamp: None,
            headers: headers.clone(),
        };
        let is_taken = plain.send_result(record()).is_ok();

        let mut carried = OwnedHeaders::new();
        let traceparent = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        if has_span {
            native::add(&mut carried, (b"traceparent", Some(traceparent)));
        }
        let members = format!("a=1,b={}", "2".repeat(baggage));
        native::add(&mut carried, (b"baggage", Some(members.as_bytes())));
        let _attached = crate::extract(&carried).attach();
        let message = OwnedMessage::new(
            payload.clone(),
            key.clone(),
            "orders".to_owned(),
            Timestamp::CreateTime(1_700_000_000_000),
            0,
            7,
            headers.clone(),
        );
        let letter = relay::dead_letter(&message, &"no such customer");
        let relay = match way {
            0 => None,
            1 => Some(Relay::Forward),
            2 => Some(Relay::Republish),
            _ => Some(Relay::DeadLetter(&letter)),
        };
        let sent = match relay {
            None => producer.send_result(record()).map(drop),
            Some(relay) => {
                let (_, record, _) = producer.relay(relay, &message, "orders");
                plain.send_result(record).map(drop)
            }
        };
        prop_assert!(sent.is_ok() || !is_taken);
    }
}
