//! rdkafka: `send` of a `FutureProducer`, to the cluster that librdkafka embeds for tests.
//! What their threads do is not counted.

use super::Calls;
use super::metrics::labels;
use super::span::{Operation, start};
use crate::client::{Client, Kafka};
use opentelemetry::global::{BoxedSpan, BoxedTracer};
use opentelemetry::trace::{Span, SpanBuilder};
use opentelemetry::{Context, KeyValue};
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
}

impl Calls for Kafka {
    type Message = OwnedMessage;
    type Record = FutureRecord<'static, str, str>;
    type Sender = Sender;
    type Injecting = InjectingProducer<FutureProducer>;

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

    fn process_span(message: &OwnedMessage) -> SpanBuilder {
        process_span(message)
    }

    fn process_labels() -> Vec<KeyValue> {
        labels("kafka", "process")
    }

    fn sent_at(message: &OwnedMessage) -> Option<SystemTime> {
        sent_at(message)
    }

    fn record() -> FutureRecord<'static, str, str> {
        FutureRecord::to(TOPIC).key(KEY).payload(PAYLOAD)
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

    async fn send(
        injecting: &InjectingProducer<FutureProducer>,
        record: FutureRecord<'static, str, str>,
    ) {
        let delivery = injecting.send(record, PATIENCE).await;
        delivery.expect("delivered");
    }

    async fn send_by_hand(
        sender: &Sender,
        tracer: &BoxedTracer,
        record: FutureRecord<'static, str, str>,
    ) {
        let key = record.key.unwrap_or_default();
        let builder = send_span(record.topic, key, sender.server());
        let (span, headers) = start::<Self>(tracer, builder);
        let delivery = produce(&sender.producer, record, headers).await;
        end_delivered(span, delivery.partition, delivery.offset);
    }

    async fn send_without_span(sender: &Sender, record: FutureRecord<'static, str, str>) {
        let headers = Context::map_current(Self::inject_by_hand);
        produce(&sender.producer, record, headers).await;
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
}

/// The bound: the span of a message's handling.
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

/// The bound: the span of a send.
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

/// The bound: ends the span of a record that the broker has taken.
#[inline]
pub fn end_delivered(mut span: BoxedSpan, to: i32, offset: i64) {
    if span.is_recording() {
        span.set_attribute(partition(to));
        span.set_attribute(KeyValue::new("kafka.offset", offset));
    }
    span.end();
}

fn partition(partition: i32) -> KeyValue {
    KeyValue::new("messaging.destination.partition.id", partition.to_string())
}

#[inline]
async fn produce(
    producer: &FutureProducer,
    record: FutureRecord<'static, str, str>,
    headers: OwnedHeaders,
) -> Delivery {
    let delivery = producer.send(record.headers(headers), PATIENCE).await;
    delivery.expect("delivered")
}
