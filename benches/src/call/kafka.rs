//! rdkafka: `send` of a `FutureProducer`, to the cluster that librdkafka embeds for tests.
//! What their threads do is not counted.

use super::metrics::labels;
use super::span::{Operation, carry, end, start};
use super::{Receives, Sends};
use crate::client::Kafka;
use opentelemetry::KeyValue;
use opentelemetry::global::{BoxedSpan, BoxedTracer};
use opentelemetry::trace::{Span, SpanBuilder};
use otel_messaging::Instrumentation;
use otel_messaging_rdkafka::InjectingProducer;
use rdkafka::ClientConfig;
use rdkafka::Message;
use rdkafka::message::{OwnedHeaders, OwnedMessage, Timestamp};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::future_producer::Delivery;
use rdkafka::producer::{FutureProducer, FutureRecord};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

const TOPIC: &str = "orders";
const KEY: &str = "7";
const PAYLOAD: &str = "order 7";
const PARTITION: i32 = 3;
const ROUND_TRIP: Duration = Duration::from_millis(10);
const PATIENCE: Duration = Duration::from_secs(60);

/// A producer, and the address that it was configured with.
pub struct Sender {
    producer: FutureProducer,
    address: Arc<str>,
    port: i64,
    max_bytes: usize,
}

/// librdkafka's `message.max.bytes`, unless it is configured.
pub const MAX_BYTES: usize = 1_000_000;

type Record = FutureRecord<'static, str, str>;

impl Receives for Kafka {
    type Client = Self;
    type Message = OwnedMessage;

    fn message(headers: OwnedHeaders) -> OwnedMessage {
        let (payload, key) = (PAYLOAD.as_bytes().to_vec(), KEY.as_bytes().to_vec());
        // Such a time is taken for a message's only if it is not long ago.
        let timestamp = Timestamp::now();
        let topic = TOPIC.to_owned();
        OwnedMessage::new(
            Some(payload),
            Some(key),
            topic,
            timestamp,
            PARTITION,
            42,
            Some(headers),
        )
    }

    fn headers(message: &OwnedMessage) -> Option<&OwnedHeaders> {
        message.headers()
    }

    fn process_span(message: &OwnedMessage) -> (SpanBuilder, bool) {
        (process_span(message), false)
    }

    fn process_labels() -> Vec<KeyValue> {
        labels("kafka", "process")
    }

    fn sent_at(message: &OwnedMessage) -> Option<SystemTime> {
        sent_at(message)
    }
}

impl Sends for Kafka {
    type Record = Record;
    type Sender = Sender;
    type Injecting = InjectingProducer<FutureProducer>;

    fn record(headers: Option<OwnedHeaders>) -> Record {
        let record = FutureRecord::to(TOPIC).key(KEY).payload(PAYLOAD);
        Record { headers, ..record }
    }

    fn connect() -> Sender {
        let cluster = MockCluster::new(1).expect("an embedded cluster");
        cluster.create_topic(TOPIC, 1, 1).expect("a topic");
        // No answer comes before it is waited for.
        let slow = cluster.broker_round_trip_time(-1, ROUND_TRIP);
        slow.expect("a broker");
        let mut config = ClientConfig::new();
        let server = cluster.bootstrap_servers();
        let (address, port) = server.rsplit_once(':').expect("an address and a port");
        let (address, port) = (address.into(), port.parse().expect("a port"));
        config.set("bootstrap.servers", server);
        // Each record is waited for.
        config.set("linger.ms", "0");
        let producer: FutureProducer = config.create().expect("a producer");
        std::mem::forget((cluster, producer.clone()));
        Sender {
            producer,
            address,
            port,
            max_bytes: MAX_BYTES,
        }
    }

    fn send_labels(sender: &Sender) -> Vec<KeyValue> {
        let mut labels = labels("kafka", "send");
        labels.extend(sender.server());
        labels
    }

    fn injecting(
        sender: &Sender,
        by: Option<Instrumentation>,
    ) -> InjectingProducer<FutureProducer> {
        let injecting = InjectingProducer::new(sender.producer.clone());
        match by {
            Some(by) => injecting.with_instrumentation(by),
            None => injecting,
        }
    }

    async fn send(injecting: &InjectingProducer<FutureProducer>, record: Record) {
        let delivery = injecting.send(record, PATIENCE).await;
        delivery.expect("delivered");
    }

    async fn send_by_hand(sender: &Sender, tracer: &BoxedTracer, mut record: Record) {
        let key = record.key.unwrap_or_default();
        let builder = send_span(record.topic, key, sender.server());
        let room = sender.room(&record);
        let (span, headers) = start::<Self>(tracer, builder, record.headers.take(), room);
        record.headers = headers;
        let delivery = produce(&sender.producer, record).await;
        end_delivered(span, delivery.partition, delivery.offset);
    }

    async fn send_without_span(sender: &Sender, mut record: Record) {
        record.headers = carry::<Self>(record.headers.take(), sender.room(&record));
        produce(&sender.producer, record).await;
    }

    async fn send_bare(sender: &Sender, record: Record) {
        produce(&sender.producer, record).await;
    }
}

impl Sender {
    pub fn producer(&self) -> &FutureProducer {
        &self.producer
    }

    fn server(&self) -> [KeyValue; 2] {
        [
            KeyValue::new("server.address", self.address.clone()),
            KeyValue::new("server.port", self.port),
        ]
    }

    #[inline]
    fn room(&self, record: &Record) -> usize {
        let length = |part: Option<&str>| part.map_or(0, str::len);
        room(self.max_bytes, length(record.key) + length(record.payload))
    }
}

/// By hand: what the headers of a record may take beside its key and its payload (SECURITY.md, "Limits"): 36 bytes are
/// around them.
#[inline]
pub fn room(max_bytes: usize, taken: usize) -> usize {
    max_bytes.saturating_sub(36 + taken)
}

/// By hand: the span of a message's handling.
#[inline]
pub fn process_span<M: Message>(message: &M) -> SpanBuilder {
    let key = message.key().and_then(|key| str::from_utf8(key).ok());
    let queued = sent_at(message).and_then(|at| at.elapsed().ok());
    let queue_time = queued.unwrap_or_default().as_secs_f64();
    Operation::processing("kafka").span(
        [message.topic()],
        [
            partition(message.partition()),
            KeyValue::new("kafka.message.key", key.unwrap_or_default().to_owned()),
            KeyValue::new("kafka.offset", message.offset()),
            KeyValue::new("otel_messaging.queue_time", queue_time),
        ],
    )
}

#[inline]
fn sent_at<M: Message>(message: &M) -> Option<SystemTime> {
    let millis = u64::try_from(message.timestamp().to_millis()?).ok()?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(millis))
}

/// By hand: the span of a send.
#[inline]
pub fn send_span(topic: &str, key: &str, [address, port]: [KeyValue; 2]) -> SpanBuilder {
    Operation::sending("kafka", "send", 2).span(
        [topic],
        [
            address,
            port,
            KeyValue::new("messaging.client.id", "rdkafka"),
            KeyValue::new("kafka.message.key", key.to_owned()),
        ],
    )
}

/// By hand: ends the span of a record that the broker has taken.
#[inline]
pub fn end_delivered(mut span: Option<BoxedSpan>, to: i32, offset: i64) {
    if let Some(span) = &mut span
        && span.is_recording()
    {
        span.set_attribute(partition(to));
        span.set_attribute(KeyValue::new("kafka.offset", offset));
    }
    end(span);
}

fn partition(partition: i32) -> KeyValue {
    KeyValue::new("messaging.destination.partition.id", partition.to_string())
}

#[inline]
async fn produce(producer: &FutureProducer, record: Record) -> Delivery {
    let delivery = producer.send(record, PATIENCE).await;
    delivery.expect("delivered")
}
