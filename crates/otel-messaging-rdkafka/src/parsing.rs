//! The headers of a message that is borrowed from librdkafka.
//!
//! librdkafka parses them when they are first asked for, and keeps the result in the message
//! (`rd_kafka_message_headers`) without a lock or an atomic access, behind a `&BorrowedMessage` that is
//! `Sync`. Two threads that ask for the first time at once race: each parses, one result is lost and
//! never freed. Once they are parsed, asking reads only, and so does everything else that this crate
//! asks a message for. So each of its own reads asks under a lock.

use rdkafka::Message;
use rdkafka::message::{BorrowedHeaders, BorrowedMessage};
use std::sync::{Mutex, PoisonError};

/// So many that threads with messages of their own seldom wait for each other.
const LOCKS: usize = 64;

/// What a message takes in librdkafka's memory at least: neighbours have locks of their own.
const APART: usize = 256;

static PARSING: [Mutex<()>; LOCKS] = [const { Mutex::new(()) }; LOCKS];

/// The message's headers. Only threads that ask for the same message, or for one with the same lock,
/// wait. Nothing of the application's runs meanwhile.
pub(crate) fn headers<'a>(message: &'a BorrowedMessage<'_>) -> Option<&'a BorrowedHeaders> {
    let lock = &PARSING[message.ptr().addr() / APART % LOCKS];
    let _parsing = lock.lock().unwrap_or_else(PoisonError::into_inner);
    message.headers()
}

#[cfg(test)]
mod tests {
    use crate::native;
    use crate::onward::Carried;
    use otel_messaging::Received;
    use rdkafka::consumer::{Consumer, StreamConsumer};
    use rdkafka::message::{BorrowedMessage, OwnedHeaders};
    use rdkafka::mocking::MockCluster;
    use rdkafka::producer::{FutureProducer, FutureRecord};
    use rdkafka::{ClientConfig, Offset, TopicPartitionList};
    use std::ptr;
    use std::sync::Barrier;
    use std::time::Duration;

    const PATIENCE: Duration = Duration::from_secs(30);
    const THREADS: usize = 4;
    /// So many that no thread is done with them before the next one begins.
    const HEADERS: usize = 20_000;

    /// What a thread found: where the headers are. A second parse of them makes others.
    fn found(message: &BorrowedMessage<'_>, thread: usize) -> usize {
        let headers = match thread % 2 {
            0 => message.carried_headers(),
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
}
