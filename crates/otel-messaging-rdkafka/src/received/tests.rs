use super::*;
use crate::native;
use rdkafka::consumer::{Consumer, StreamConsumer};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use std::ptr;
use std::sync::Barrier;

#[test]
fn a_timestamp_that_is_none_makes_no_message_old() {
    let second = SystemTime::UNIX_EPOCH + Duration::from_secs(1);
    for (timestamp, expected) in [
        (Timestamp::CreateTime(1000), Some(second)),
        (Timestamp::LogAppendTime(1000), Some(second)),
        (Timestamp::NotAvailable, None),
        (Timestamp::CreateTime(-1), None),
        (Timestamp::CreateTime(i64::MIN), None),
    ] {
        assert_eq!(sent_at(timestamp), expected, "{timestamp:?}");
    }
    // Whatever it makes of this, it does not panic.
    let _ = sent_at(Timestamp::CreateTime(i64::MAX));
}

const PATIENCE: Duration = Duration::from_secs(30);
const THREADS: usize = 4;
/// So many that no thread is done with them before the next one begins.
const HEADERS: usize = 20_000;

/// What a thread found: where the headers are. A second parse of them makes others.
fn found(message: &BorrowedMessage<'_>, thread: usize) -> usize {
    let headers = match thread % 2 {
        0 => message.message_headers(),
        _ => message.carried(),
    };
    ptr::from_ref(headers.expect("headers")).addr()
}

#[tokio::test]
async fn several_threads_parse_them_once() {
    let cluster = MockCluster::new(1).expect("an embedded cluster");
    cluster.create_topic("orders", 1, 1).expect("a topic");
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", cluster.bootstrap_servers());
    let producer: FutureProducer = config.create().expect("a producer");
    let consumer: StreamConsumer = config.set("group.id", "g").create().expect("a consumer");
    let mut partitions = TopicPartitionList::new();
    let added = partitions.add_partition_offset("orders", 0, Offset::Beginning);
    added.expect("a partition");
    consumer.assign(&partitions).expect("the partition");

    let mut headers = OwnedHeaders::new();
    for _ in 0..HEADERS {
        assert!(native::add(&mut headers, (b"order", Some(b"7"))));
    }
    for _ in 0..5 {
        let record = FutureRecord::to("orders").key("7").payload("order");
        let sent = producer.send(record.headers(headers.clone()), PATIENCE);
        sent.await.expect("delivered");
        let received = tokio::time::timeout(PATIENCE, consumer.recv()).await;
        let message = received.expect("in time").expect("a message");
        let (message, barrier) = (&message, &Barrier::new(THREADS));
        let all: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS)
                .map(|thread| {
                    scope.spawn(move || {
                        barrier.wait();
                        found(message, thread)
                    })
                })
                .collect();
            let found = threads.into_iter().map(|thread| thread.join());
            found.map(|found| found.expect("no panic")).collect()
        });
        assert_eq!(all, [all[0]; THREADS]);
    }
}
