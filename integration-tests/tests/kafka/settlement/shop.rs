//! A topic whose messages are settled, and what its group has committed.

use integration_tests::client::{PATIENCE, in_time, unique};
use integration_tests::kafka::Topic;
use integration_tests::spans::{Spans, assert_child, assert_unfailed, attribute};
use opentelemetry::trace::SpanKind;
use otel_messaging_rdkafka::{Offsets, SettlingContext};
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, StreamConsumer};
use rdkafka::error::KafkaError;
use rdkafka::message::OwnedMessage;
use rdkafka::producer::FutureRecord;
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};
use std::sync::Arc;

pub(super) type Handled = Result<(), &'static str>;

pub(super) struct Shop {
    pub(super) topic: Topic,
    pub(super) spans: Spans,
    pub(super) group: String,
    partitions: i32,
    /// Only asks what the group has committed.
    clerk: BaseConsumer,
}

impl Shop {
    pub(super) async fn open(partitions: i32) -> Self {
        let topic = Topic::on_brokers(partitions).await;
        let group = unique("billing");
        let mut config = topic.config();
        config.set("group.id", &group);
        Self {
            topic,
            spans: Spans::new(),
            group,
            partitions,
            clerk: config.create().expect("a consumer"),
        }
    }

    /// Sends so many orders to each partition. Their payloads are their offsets.
    pub(super) async fn send(&self, each: i64) {
        let mut deliveries = Vec::new();
        for partition in 0..self.partitions {
            for offset in 0..each {
                let payload = offset.to_string();
                let record: FutureRecord<'_, str, str> = FutureRecord::to(&self.topic.name);
                let queued = self
                    .topic
                    .producer
                    .send_result(record.payload(&payload).partition(partition));
                deliveries.push(queued.map_err(|(error, _)| error).expect("queued"));
            }
        }
        for delivery in deliveries {
            let delivered = in_time("a delivery", delivery).await;
            delivered.expect("an answer").expect("delivered");
        }
    }

    /// The configuration of a consumer that commits only when it is told to.
    pub(super) fn config(&self) -> ClientConfig {
        let mut config = self.topic.config();
        config.set("group.id", &self.group);
        config.set("enable.auto.offset.store", "false");
        config.set("enable.auto.commit", "false");
        config.set("auto.offset.reset", "earliest");
        config
    }

    /// A consumer of all partitions, each from where the group is.
    pub(super) fn reader(&self) -> Reader {
        self.reader_of(&self.config())
    }

    pub(super) fn reader_of(&self, config: &ClientConfig) -> Reader {
        let reader = self.unassigned(config);
        let mut all = TopicPartitionList::new();
        for partition in 0..self.partitions {
            all.add_partition_offset(&self.topic.name, partition, Offset::Stored)
                .expect("a partition");
        }
        reader.consumer.assign(&all).expect("the partitions");
        reader
    }

    /// A consumer without partitions.
    pub(super) fn unassigned(&self, config: &ClientConfig) -> Reader {
        let context = SettlingContext::default();
        let consumer: StreamConsumer<_> = config.create_with_context(context).expect("a consumer");
        let consumer = Arc::new(consumer);
        let offsets = Offsets::new(Arc::clone(&consumer)).expect("offsets");
        Reader {
            offsets: offsets.with_instrumentation(&self.spans.instrumentation),
            consumer,
        }
    }

    /// The offset that the group has committed for each partition.
    pub(super) fn committed(&self) -> Vec<Option<i64>> {
        let mut all = TopicPartitionList::new();
        for partition in 0..self.partitions {
            all.add_partition(&self.topic.name, partition);
        }
        let committed = self.clerk.committed_offsets(all, PATIENCE);
        let offsets = committed.expect("an answer");
        let offsets = offsets
            .elements()
            .into_iter()
            .map(|element| element.offset());
        offsets
            .map(|offset| offset.to_raw().filter(|raw| *raw >= 0))
            .collect()
    }

    pub(super) fn span(&self, operation: &str) -> String {
        format!("{operation} {}", self.topic.name)
    }

    /// There is one message's span, and the one of its settlement in it, if it has one.
    pub(super) fn assert_settled(&self, is_stored: bool) {
        let process = self.spans.named(&self.span("process"));
        let others = || {
            let all = self.spans.all();
            all.into_iter()
                .filter(|span| span.name != self.span("commit"))
        };
        if !is_stored {
            assert_eq!(others().count(), 1);
            return;
        }
        assert_eq!(others().count(), 2);
        let stored = self.spans.named(&self.span("store_offset"));
        assert_child(&stored, &process.span_context);
        assert_unfailed(&stored);
        assert_eq!(stored.span_kind, SpanKind::Client);
        assert!(process.start_time <= stored.start_time && stored.end_time <= process.end_time);
        for (key, value) in [
            ("messaging.operation.type", "settle"),
            ("messaging.operation.name", "store_offset"),
            ("messaging.destination.name", &self.topic.name),
            ("messaging.destination.partition.id", "0"),
            ("messaging.consumer.group.name", &self.group),
        ] {
            assert_eq!(attribute(&stored, key), Some(value.to_owned().into()));
        }
        assert_eq!(attribute(&stored, "kafka.offset"), Some(0.into()));
        assert_eq!(attribute(&stored, "kafka.message.key"), None);
    }
}

/// A consumer whose offsets are stored.
pub(super) struct Reader {
    pub(super) consumer: Arc<StreamConsumer<SettlingContext>>,
    pub(super) offsets: Offsets,
}

impl Reader {
    pub(super) async fn next(&self) -> OwnedMessage {
        let received = in_time("a message", self.consumer.recv()).await;
        received.expect("a message").detach()
    }

    /// The next message, which has to have this offset.
    pub(super) async fn at(&self, offset: i64) -> OwnedMessage {
        let message = self.next().await;
        assert_eq!(message.offset(), offset);
        message
    }

    /// Commits what is stored; `false` if that is nothing new.
    pub(super) fn commit(&self) -> bool {
        match self.offsets.commit(CommitMode::Sync) {
            Ok(()) => true,
            Err(KafkaError::ConsumerCommit(RDKafkaErrorCode::NoOffset)) => false,
            Err(error) => panic!("{error}"),
        }
    }
}
