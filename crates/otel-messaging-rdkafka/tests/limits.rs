//! Records that a broker refuses for their size, as often as a test wants it.

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use otel_messaging_rdkafka::InjectingProducer;
use rdkafka::consumer::{Consumer, StreamConsumer};
use rdkafka::error::KafkaError;
use rdkafka::message::OwnedMessage;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{DefaultProducerContext, FutureProducer, FutureRecord};
use rdkafka::types::{RDKafkaApiKey, RDKafkaErrorCode, RDKafkaRespErr};
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(30);

struct Embedded {
    producer: InjectingProducer<FutureProducer>,
    consumer: StreamConsumer,
    /// Dropped last: a consumer that is closed waits for it.
    cluster: MockCluster<'static, DefaultProducerContext>,
}

impl Embedded {
    fn new() -> Self {
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
        Self {
            producer: InjectingProducer::new(producer),
            consumer,
            cluster,
        }
    }

    /// Refuses the next requests.
    fn refuse(&self, count: usize) {
        let error = RDKafkaRespErr::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE;
        let errors = vec![error; count];
        self.cluster.request_errors(RDKafkaApiKey::Produce, &errors);
    }

    async fn send(&self, payload: &str) -> Result<(), (KafkaError, OwnedMessage)> {
        let sent = {
            let _attached = context().attach();
            let record = FutureRecord::<str, str>::to("orders").payload(payload);
            self.producer.send(record, PATIENCE)
        };
        sent.await.map(drop)
    }

    /// Sends it by a call that never tries a refused size.
    async fn queue(&self, payload: &str) {
        let queued = {
            let _attached = context().attach();
            let record = FutureRecord::<str, str>::to("orders").payload(payload);
            self.producer.send_result(record)
        };
        let delivery = queued.map_err(|(error, _)| error).expect("queued").await;
        delivery.expect("an answer").expect("delivered");
    }

    /// Whether the next record has a context.
    async fn has_context(&self) -> bool {
        let received = tokio::time::timeout(PATIENCE, self.consumer.recv()).await;
        let received = received.expect("in time").expect("a message");
        received.detach().headers().is_some()
    }
}

fn context() -> Context {
    let span = SpanContext::new(
        TraceId::from_bytes([7; 16]),
        SpanId::from_bytes([7; 8]),
        TraceFlags::SAMPLED,
        true,
        TraceState::NONE,
    );
    Context::new().with_remote_span_context(span)
}

/// A refusal counts from its size on; a larger record that is accepted without a context ends it.
#[tokio::test]
async fn one_refusal_is_repeated_once_and_remembered_until_a_success() {
    let embedded = Embedded::new();
    embedded.refuse(1);
    // Refused, and sent again.
    embedded.send(&"x".repeat(500)).await.expect("delivered");
    assert!(!embedded.has_context().await);
    for (size, has_context) in [
        (500, false),
        (499, true),
        (500, false),
        (600, false), // as large as what was refused
        (500, true),
    ] {
        embedded.queue(&"x".repeat(size)).await;
        assert_eq!(embedded.has_context().await, has_context, "{size}");
    }
}

/// All records have the same size, so that no record without its context shows that contexts fit.
#[tokio::test]
async fn a_record_that_can_be_repeated_tries_a_refused_size() {
    let embedded = Embedded::new();
    embedded.refuse(1);
    embedded.send("order").await.expect("delivered");
    assert!(!embedded.has_context().await);
    embedded.queue("order").await;
    assert!(!embedded.has_context().await);
    let tried = async {
        loop {
            embedded.send("order").await.expect("delivered");
            if embedded.has_context().await {
                break;
            }
        }
    };
    let tried = tokio::time::timeout(PATIENCE, tried).await;
    tried.expect("it tries");
    embedded.queue("order").await;
    assert!(embedded.has_context().await);
}

#[tokio::test]
async fn a_second_refusal_is_the_callers() {
    let embedded = Embedded::new();
    embedded.refuse(2);
    let (error, message) = embedded.send("order").await.expect_err("refused twice");
    assert_eq!(
        error.rdkafka_error_code(),
        Some(RDKafkaErrorCode::MessageSizeTooLarge)
    );
    assert!(message.headers().is_none(), "as it was given");
    assert_eq!(message.payload(), Some(&b"order"[..]));
    // Both refusals are used up.
    embedded.queue("order").await;
    assert!(!embedded.has_context().await);
}

/// Without a context there is nothing to leave out, and nothing is repeated.
#[tokio::test]
async fn a_bare_record_is_not_repeated() {
    let embedded = Embedded::new();
    embedded.refuse(1);
    let record = FutureRecord::<str, str>::to("orders").payload("order");
    let refused = embedded.producer.send(record, PATIENCE).await;
    refused.expect_err("refused once");
}
