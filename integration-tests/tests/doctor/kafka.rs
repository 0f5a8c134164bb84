//! Which records of Kafka are looked at.

use crate::program::{counted, counts, start};
use integration_tests::client::{PATIENCE, address};
use integration_tests::kafka::Topic;
use integration_tests::wire::kafka::Leader;
use integration_tests::{apply, broker_test};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{
    BaseRecord, DefaultProducerContext, FutureRecord, Producer, ThreadedProducer,
};

pub(crate) async fn send(topic: &Topic, count: i32, partitions: i32) {
    for index in 0..count {
        let record: FutureRecord<'_, str, str> = FutureRecord::to(&topic.name)
            .payload("order")
            .partition(index % partitions);
        let sent = topic.producer.send(record, PATIENCE).await;
        sent.expect("the broker takes the record");
    }
}

async fn look(topic: &Topic, more: &[&str]) -> (u64, String) {
    let brokers = address("KAFKA_BROKERS");
    let place = ["kafka", "--brokers", &brokers, "--topic", &topic.name];
    counted(&[&place, more].concat()).await
}

fn complete(messages: u64) -> (u64, String) {
    (messages, "complete".to_owned())
}

#[apply(broker_test)]
async fn the_last_records_of_each_partition_are_looked_at() {
    let topic = Topic::on_brokers(3).await;
    assert_eq!(look(&topic, &[]).await, complete(0));
    send(&topic, 30, 3).await;
    send(&topic, 1, 1).await;
    assert_eq!(look(&topic, &[]).await, complete(31));
    assert_eq!(look(&topic, &["--last", "4"]).await, complete(12));
    assert_eq!(look(&topic, &["--last", "11"]).await, complete(31));
    assert_eq!(look(&topic, &["--max", "7"]).await, (7, "max".to_owned()));
}

#[apply(broker_test)]
async fn records_since_a_time_are_looked_at() {
    let topic = Topic::on_brokers(2).await;
    // 2001-09-09T01:46:40Z, and a second later.
    for timestamp in [1_000_000_000_000, 1_000_000_001_000] {
        for partition in [0, 1, 1] {
            let record: FutureRecord<'_, str, str> = FutureRecord::to(&topic.name)
                .payload("order")
                .timestamp(timestamp)
                .partition(partition);
            let sent = topic.producer.send(record, PATIENCE).await;
            sent.expect("the broker takes the record");
        }
    }
    for (since, expected) in [
        ("2001-09-09T01:46:40Z", 6),
        ("2001-09-09T01:46:41Z", 3),
        ("2001-09-09T01:46:42Z", 0),
    ] {
        assert_eq!(
            look(&topic, &["--since", since]).await,
            complete(expected),
            "{since}"
        );
    }
}

#[apply(broker_test)]
async fn several_topics_are_looked_at_and_none_twice() {
    let (one, other) = (Topic::on_brokers(2).await, Topic::on_brokers(2).await);
    send(&one, 5, 2).await;
    send(&other, 7, 2).await;
    let more = ["--topic", &other.name, "--topic", &one.name];
    assert_eq!(look(&one, &more).await, complete(12));
}

/// The last offsets of each partition are the ends of transactions, which no consumer is given.
#[apply(broker_test)]
async fn a_topic_of_transactions_is_read_to_its_end() {
    let topic = Topic::on_brokers(2).await;
    let mut config = topic.config();
    let producer: ThreadedProducer<DefaultProducerContext> = config
        .set("transactional.id", &topic.name)
        .create()
        .expect("a producer");
    tokio::task::block_in_place(|| {
        producer.init_transactions(PATIENCE).expect("transactions");
        for is_kept in [true, false, true, false] {
            producer.begin_transaction().expect("a transaction");
            for _ in 0..5 {
                let record: BaseRecord<'_, str, str> =
                    BaseRecord::to(&topic.name).payload("order").partition(0);
                producer
                    .send(record)
                    .map_err(|(error, _)| error)
                    .expect("queued");
            }
            producer.flush(PATIENCE).expect("sent");
            let ended = if is_kept {
                producer.commit_transaction(PATIENCE)
            } else {
                producer.abort_transaction(PATIENCE)
            };
            ended.expect("the end");
        }
    });
    assert_eq!(look(&topic, &[]).await, complete(20));
    let committed = ["-X", "isolation.level=read_committed"];
    assert_eq!(look(&topic, &committed).await, complete(10));
}

#[apply(broker_test)]
async fn records_are_read_in_every_compression_that_a_producer_may_use() {
    for compression in ["gzip", "snappy", "lz4", "zstd"] {
        // The broker writes them so, whatever the tests' own client can write.
        let topic = Topic::with_settings(&[("compression.type", compression)]).await;
        send(&topic, 6, 1).await;
        assert_eq!(look(&topic, &[]).await, complete(6), "{compression}");
    }
}

/// rdkafka's own functions panic on a name that is not UTF-8.
#[apply(broker_test)]
async fn headers_that_are_not_text_are_no_hindrance() {
    let topic = Topic::on_brokers(1).await;
    let headers = OwnedHeaders::new().insert(Header {
        key: "traceparent",
        value: Some(b"\xff".as_slice()),
    });
    let headers = headers.insert(Header::<&[u8]> {
        key: "tracestate",
        value: None,
    });
    let record: FutureRecord<'_, str, str> = FutureRecord::to(&topic.name).headers(headers);
    let sent = topic.producer.send(record, PATIENCE).await;
    sent.expect("the broker takes the record");
    let named: Vec<(Vec<u8>, Option<Vec<u8>>)> = vec![(b"\xff".to_vec(), Some(b"7".to_vec()))];
    assert_eq!(Leader::of(&topic).await.produce(&named).await, 0);
    assert_eq!(look(&topic, &[]).await, complete(2));
}

#[apply(broker_test)]
async fn new_records_are_looked_at_until_the_time_is_over() {
    let topic = Topic::on_brokers(1).await;
    send(&topic, 3, 1).await;
    let (messages, end) = look(&topic, &["--for", "1s"]).await;
    assert_eq!((messages, end.as_str()), (3, "time"));

    let brokers = address("KAFKA_BROKERS");
    let place = ["kafka", "--brokers", &brokers, "--topic", &topic.name];
    let arguments = [&place[..], &["--for", "60s", "--max", "8", "--json"]].concat();
    let look = start(&arguments);
    send(&topic, 5, 1).await;
    assert_eq!(counts(&look.report().await), (8, "max".to_owned()));
}
