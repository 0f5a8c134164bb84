//! rdkafka: a `FutureProducer`, a `BaseProducer` and a `StreamConsumer`.

use crate::scenario::{Scenario, Setting, Way, in_flight};
use anyhow::{Context as _, Result, anyhow};
use benches::call::kafka::{end_delivered, process_span, send_span};
use benches::call::{handle_by_hand, start};
use benches::client::{Client, Kafka, kafka::extract_by_hand};
use benches::sample::Carried;
use bytes::Bytes;
use opentelemetry::KeyValue;
use opentelemetry::global::{self, BoxedSpan, BoxedTracer};
use otel_messaging::Instrumentation;
use otel_messaging_rdkafka::{InjectingContext, InjectingProducer};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{Consumer, StreamConsumer};
use rdkafka::message::{DeliveryResult, Message, OwnedHeaders};
use rdkafka::producer::{
    BaseProducer, BaseRecord, DefaultProducerContext, FutureProducer, FutureRecord, Producer,
    ProducerContext,
};
use rdkafka::util::Timeout;
use rdkafka::{ClientConfig, ClientContext, Offset, TopicPartitionList};
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

const KEY: &str = "7";
/// How many records are under way at a time.
const MOST: usize = 1000;
/// A `BaseProducer` is polled after so many records.
const POLLED: usize = 64;
const PATIENCE: Duration = Duration::from_secs(30);

/// A topic of one partition.
struct Topic {
    config: ClientConfig,
    name: String,
    payload: Bytes,
    server: (Arc<str>, i64),
}

impl Topic {
    async fn open(setting: &Setting<'_>, of: &str) -> Result<Self> {
        let (site, payload) = (setting.site, setting.payload.clone());
        let address = site.addresses.kafka.as_str();
        let (host, port) = address.rsplit_once(':').context("KAFKA_BROKERS has no port")?;
        let port = port.parse().context("KAFKA_BROKERS is not host:port")?;
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", address);
        // All records of a run have room.
        config.set("queue.buffering.max.messages", "100000");
        let name = site.name(&format!("{of}-{}", payload.len()));
        let topic = Self {
            config,
            name,
            payload,
            server: (host.into(), port),
        };
        let new = NewTopic::new(&topic.name, 1, TopicReplication::Fixed(1));
        let admin: AdminClient<DefaultClientContext> = topic.config.create().context("Kafka")?;
        let created = admin.create_topics([&new], &AdminOptions::new()).await;
        for created in created.context("Kafka")? {
            created.map_err(|(topic, code)| anyhow!("no topic {topic}: {code}"))?;
        }
        Ok(topic)
    }

    fn record(&self, headers: Option<OwnedHeaders>) -> FutureRecord<'_, str, [u8]> {
        let record = FutureRecord::to(&self.name).key(KEY).payload(&self.payload[..]);
        match headers {
            Some(headers) => record.headers(headers),
            None => record,
        }
    }

    /// By hand: what the spans say of the server.
    fn server(&self) -> [KeyValue; 2] {
        [
            KeyValue::new("server.address", self.server.0.clone()),
            KeyValue::new("server.port", self.server.1),
        ]
    }

    async fn close(self) -> Result<()> {
        let admin: AdminClient<DefaultClientContext> = self.config.create()?;
        admin.delete_topics(&[&self.name], &AdminOptions::new()).await?;
        Ok(())
    }
}

async fn produce(producer: &FutureProducer, record: FutureRecord<'_, str, [u8]>) -> Result<(i32, i64)> {
    let delivered = producer.send(record, Timeout::Never).await;
    let delivery = delivered.map_err(|(error, _)| error)?;
    Ok((delivery.partition, delivery.offset))
}

/// `send` of a `FutureProducer`.
pub(crate) struct FutureSending {
    topic: Topic,
    producer: FutureProducer,
    ours: InjectingProducer<FutureProducer>,
    tracer: BoxedTracer,
}

impl Scenario for FutureSending {
    const NAME: &'static str = "Kafka send, FutureProducer";
    const MESSAGES: usize = 30_000;
    const LARGEST: usize = 100;
    const SENDS: bool = true;

    async fn open(setting: &Setting<'_>) -> Result<Self> {
        let topic = Topic::open(setting, "future").await?;
        let producer: FutureProducer = topic.config.create()?;
        let ours = InjectingProducer::new(producer.clone());
        Ok(Self {
            topic,
            producer,
            ours: ours.with_instrumentation(setting.site.instrumentation.clone()),
            tracer: global::tracer("benches"),
        })
    }

    async fn prepare(&mut self, _messages: usize) -> Result<()> {
        Ok(())
    }

    async fn run(&mut self, way: Way, messages: usize) -> Result<Duration> {
        let (topic, producer) = (&self.topic, &self.producer);
        let begun = Instant::now();
        match way {
            Way::Bare => {
                in_flight(messages, MOST, async || {
                    produce(producer, topic.record(None)).await?;
                    Ok(())
                })
                .await?;
            }
            Way::ByHand => {
                in_flight(messages, MOST, async || {
                    let builder = send_span(&topic.name, KEY, topic.server());
                    let (span, headers) = start::<Kafka>(&self.tracer, builder);
                    let (partition, offset) = produce(producer, topic.record(Some(headers))).await?;
                    end_delivered(span, partition, offset);
                    Ok(())
                })
                .await?;
            }
            Way::Ours => {
                in_flight(messages, MOST, async || {
                    let sent = self.ours.send(topic.record(None), Timeout::Never).await;
                    sent.map_err(|(error, _)| error)?;
                    Ok(())
                })
                .await?;
            }
        }
        Ok(begun.elapsed())
    }

    async fn close(self) -> Result<()> {
        self.topic.close().await
    }
}

/// By hand: ends the span in the delivery callback.
struct Ending;

impl ClientContext for Ending {}

impl ProducerContext for Ending {
    type DeliveryOpaque = Box<BoxedSpan>;

    fn delivery(&self, result: &DeliveryResult<'_>, span: Box<BoxedSpan>) {
        if let Ok(message) = result {
            end_delivered(*span, message.partition(), message.offset());
        }
    }
}

/// `send` of a `BaseProducer`.
pub(crate) struct BaseSending {
    topic: Topic,
    bare: BaseProducer,
    by_hand: BaseProducer<Ending>,
    ours: InjectingProducer<BaseProducer<InjectingContext<DefaultProducerContext>>>,
    tracer: BoxedTracer,
}

impl BaseSending {
    fn record<O: rdkafka::util::IntoOpaque>(
        &self,
        opaque: O,
        headers: Option<OwnedHeaders>,
    ) -> BaseRecord<'_, str, [u8], O> {
        let record = BaseRecord::with_opaque_to(&self.topic.name, opaque);
        let record = record.key(KEY).payload(&self.topic.payload[..]);
        match headers {
            Some(headers) => record.headers(headers),
            None => record,
        }
    }
}

impl Scenario for BaseSending {
    const NAME: &'static str = "Kafka send, BaseProducer";
    const MESSAGES: usize = 60_000;
    const LARGEST: usize = 100;
    const SENDS: bool = true;

    async fn open(setting: &Setting<'_>) -> Result<Self> {
        let topic = Topic::open(setting, "base").await?;
        let injecting = InjectingContext::new(DefaultProducerContext);
        let ours = InjectingProducer::new(topic.config.create_with_context(injecting)?);
        Ok(Self {
            bare: topic.config.create()?,
            by_hand: topic.config.create_with_context(Ending)?,
            ours: ours.with_instrumentation(setting.site.instrumentation.clone()),
            topic,
            tracer: global::tracer("benches"),
        })
    }

    async fn prepare(&mut self, _messages: usize) -> Result<()> {
        Ok(())
    }

    async fn run(&mut self, way: Way, messages: usize) -> Result<Duration> {
        let topic = &self.topic;
        let begun = Instant::now();
        match way {
            Way::Bare => {
                for number in 1..=messages {
                    let sent = self.bare.send(self.record((), None));
                    sent.map_err(|(error, _)| error)?;
                    if number % POLLED == 0 {
                        self.bare.poll(Duration::ZERO);
                    }
                }
                self.bare.flush(PATIENCE)?;
            }
            Way::ByHand => {
                for number in 1..=messages {
                    let builder = send_span(&topic.name, KEY, topic.server());
                    let (span, headers) = start::<Kafka>(&self.tracer, builder);
                    let record = self.record(Box::new(span), Some(headers));
                    self.by_hand.send(record).map_err(|(error, _)| error)?;
                    if number % POLLED == 0 {
                        self.by_hand.poll(Duration::ZERO);
                    }
                }
                self.by_hand.flush(PATIENCE)?;
            }
            Way::Ours => {
                for number in 1..=messages {
                    let sent = self.ours.send(self.record((), None));
                    sent.map_err(|(error, _)| error)?;
                    if number % POLLED == 0 {
                        self.ours.poll(Duration::ZERO);
                    }
                }
                self.ours.flush(PATIENCE)?;
            }
        }
        Ok(begun.elapsed())
    }

    async fn close(self) -> Result<()> {
        self.topic.close().await
    }
}

/// `recv` of a `StreamConsumer`.
pub(crate) struct Consuming {
    topic: Topic,
    /// How many messages the topic has.
    filled: usize,
    consumer: StreamConsumer,
    instrumentation: Instrumentation,
    tracer: BoxedTracer,
}

impl Scenario for Consuming {
    const NAME: &'static str = "Kafka consume";
    const MESSAGES: usize = 60_000;
    const LARGEST: usize = 100;
    const SENDS: bool = false;

    async fn open(setting: &Setting<'_>) -> Result<Self> {
        let topic = Topic::open(setting, "orders").await?;
        let mut config = topic.config.clone();
        config.set("group.id", &topic.name).set("enable.auto.commit", "false");
        Ok(Self {
            consumer: config.create()?,
            filled: 0,
            topic,
            instrumentation: setting.site.instrumentation.clone(),
            tracer: global::tracer("benches"),
        })
    }

    async fn prepare(&mut self, messages: usize) -> Result<()> {
        let missing = messages.saturating_sub(self.filled);
        if missing > 0 {
            let producer: FutureProducer = self.topic.config.create()?;
            let headers = Kafka::received(&Carried::SPAN.entries());
            in_flight(missing, MOST, async || {
                produce(&producer, self.topic.record(Some(headers.clone()))).await?;
                Ok(())
            })
            .await?;
            self.filled = messages;
        }
        Ok(())
    }

    async fn run(&mut self, way: Way, messages: usize) -> Result<Duration> {
        let mut partitions = TopicPartitionList::new();
        partitions.add_partition_offset(&self.topic.name, 0, Offset::Beginning)?;
        self.consumer.assign(&partitions)?;
        let mut begun = Instant::now();
        for number in 1..=messages {
            let message = self.consumer.recv().await?;
            if number == 1 {
                begun = Instant::now();
            }
            let handler = async { black_box(message.payload()).map_or(0, <[u8]>::len) };
            match way {
                Way::Bare => handler.await,
                Way::ByHand => {
                    let headers = message.headers().context("a message without headers")?;
                    let (parent, builder) = (extract_by_hand(headers), process_span(&message));
                    handle_by_hand(&self.tracer, parent, builder, handler).await
                }
                Way::Ours => self.instrumentation.process(&message).run(handler).await,
            };
        }
        let took = begun.elapsed();
        self.consumer.unassign()?;
        Ok(took)
    }

    async fn close(self) -> Result<()> {
        self.topic.close().await
    }
}
