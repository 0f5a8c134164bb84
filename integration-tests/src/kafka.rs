//! Kafka through rdkafka: real brokers, and the cluster embedded in librdkafka.

mod queue;

use crate::client::{Client, HeaderList, PATIENCE, address, in_time, unique};
use crate::onward::SendsOn;
use otel_messaging::Instrumentation;
use otel_messaging_rdkafka::{InjectingProducer, Kafka as Marker};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{Consumer, StreamConsumer};
use rdkafka::message::{Header, Headers, OwnedHeaders, OwnedMessage};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::future_producer::OwnedDeliveryResult;
use rdkafka::producer::{DefaultProducerContext, FutureProducer, FutureRecord};
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};
use std::fmt;

pub use queue::{Answer, Answers, BaseKafka, EnqueuingKafka, ThreadedKafka};

/// A topic of one partition on real brokers.
pub struct Kafka(Topic);

/// A topic of one partition on the cluster embedded in librdkafka.
pub struct EmbeddedKafka {
    topic: Topic,
    cluster: MockCluster<'static, DefaultProducerContext>,
}

/// A topic, its producer and its consumer.
pub struct Topic {
    brokers: String,
    /// The topic's name.
    pub name: String,
    partitions: i32,
    /// The plain producer.
    pub producer: FutureProducer,
    /// Reads the topic's partitions from their beginnings.
    pub consumer: StreamConsumer,
}

impl Kafka {
    /// The topic.
    pub fn topic(&self) -> &Topic {
        &self.0
    }
}

impl EmbeddedKafka {
    /// The topic.
    pub fn topic(&self) -> &Topic {
        &self.topic
    }

    /// A producer that asks for no acknowledgements.
    pub fn unacknowledged(&self) -> FutureProducer {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.cluster.bootstrap_servers());
        config.set("acks", "0").create().expect("a producer")
    }
}

impl Topic {
    /// A new topic on the brokers at `KAFKA_BROKERS`.
    ///
    /// # Panics
    ///
    /// When there is none.
    pub async fn on_brokers(partitions: i32) -> Self {
        Self::at(&address("KAFKA_BROKERS"), partitions).await
    }

    /// A new topic of one partition on the brokers at `KAFKA_BROKERS`, with these settings.
    ///
    /// # Panics
    ///
    /// When there is none.
    pub async fn with_settings(settings: &[(&str, &str)]) -> Self {
        Self::made(&address("KAFKA_BROKERS"), 1, settings).await
    }

    /// A new topic on other brokers.
    ///
    /// # Panics
    ///
    /// When they make none.
    pub async fn at(brokers: &str, partitions: i32) -> Self {
        Self::made(brokers, partitions, &[]).await
    }

    async fn made(brokers: &str, partitions: i32, settings: &[(&str, &str)]) -> Self {
        let name = unique("orders");
        let admin: AdminClient<DefaultClientContext> = ClientConfig::new()
            .set("bootstrap.servers", brokers)
            .create()
            .expect("an admin client");
        let topic = NewTopic::new(&name, partitions, TopicReplication::Fixed(1));
        let topic = settings
            .iter()
            .fold(topic, |topic, (name, value)| topic.set(name, value));
        let options = AdminOptions::new().request_timeout(Some(PATIENCE));
        let created = admin
            .create_topics([&topic], &options)
            .await
            .unwrap_or_else(|error| panic!("Kafka at {brokers}: {error}"));
        for result in created {
            result.unwrap_or_else(|(topic, code)| panic!("topic {topic}: {code}"));
        }
        Self::connect(brokers, name, partitions)
    }

    /// A configuration with the topic's brokers, for another client.
    pub fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.brokers);
        config
    }

    /// The topic's partitions, each from its beginning.
    pub fn from_the_beginning(&self) -> TopicPartitionList {
        let mut partitions = TopicPartitionList::new();
        for partition in 0..self.partitions {
            partitions
                .add_partition_offset(&self.name, partition, Offset::Beginning)
                .expect("a partition");
        }
        partitions
    }

    fn connect(brokers: &str, name: String, partitions: i32) -> Self {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", brokers);
        let producer = config.create().expect("a producer");
        config.set("group.id", &name);
        let consumer: StreamConsumer = config.create().expect("a consumer");
        let topic = Self {
            brokers: brokers.to_owned(),
            name,
            partitions,
            producer,
            consumer,
        };
        let all = topic.from_the_beginning();
        topic.consumer.assign(&all).expect("the partitions");
        topic
    }

    async fn send(
        &self,
        by: Option<&Instrumentation>,
        headers: Option<OwnedHeaders>,
        partition: Option<i32>,
    ) -> Result<(), String> {
        let mut producer = InjectingProducer::new(self.producer.clone());
        if let Some(by) = by {
            producer = producer.with_instrumentation(by.clone());
        }
        let mut record = FutureRecord::to(&self.name).key("7").payload("order");
        record.headers = headers;
        record.partition = partition;
        text_of(producer.send(record, PATIENCE).await)
    }

    fn producer(&self, by: &Instrumentation) -> InjectingProducer<FutureProducer> {
        InjectingProducer::new(self.producer.clone()).with_instrumentation(by.clone())
    }

    async fn send_plain(&self, headers: &[(&str, &str)]) {
        let mut record = FutureRecord::to(&self.name).key("7").payload("order");
        record.headers = with_headers(headers);
        let delivery = self.producer.send(record, PATIENCE).await;
        delivery.expect("the broker takes the record");
    }

    /// The next message, detached, as a service has it that hands its messages on.
    ///
    /// # Panics
    ///
    /// When there is none in time.
    pub async fn receive(&self) -> OwnedMessage {
        let next = in_time("a message", self.consumer.recv()).await;
        next.expect("a message").detach()
    }
}

/// Both send and receive alike; they differ in how the topic comes to be.
macro_rules! client_of_a_topic {
    ($client:ty, $topic:tt, $connect:expr) => {
        impl Client for $client {
            type Marker = Marker;
            type Message = OwnedMessage;

            const OPERATION: &'static str = "send";
            const FAILURE: &'static str = "_UNKNOWN_PARTITION";

            async fn connect() -> Self {
                $connect.await
            }

            fn destination(&self) -> String {
                self.$topic.name.clone()
            }

            async fn send(
                &self,
                by: Option<&Instrumentation>,
                headers: &[(&str, &str)],
            ) -> Result<(), String> {
                self.$topic.send(by, with_headers(headers), None).await
            }

            async fn send_plain(&self, headers: &[(&str, &str)]) {
                self.$topic.send_plain(headers).await;
            }

            async fn send_in_vain(&self, by: Option<&Instrumentation>) -> Result<(), String> {
                self.$topic.send(by, None, Some(42)).await
            }

            async fn send_on(
                &self,
                by: Option<&Instrumentation>,
                message: &OwnedMessage,
            ) -> Result<(), String> {
                self.$topic.send(by, message.headers().cloned(), None).await
            }

            async fn receive(&mut self) -> OwnedMessage {
                self.$topic.receive().await
            }

            fn headers(message: &OwnedMessage) -> HeaderList {
                text_headers(message)
            }
        }

        impl SendsOn for $client {
            async fn forward(
                &self,
                by: &Instrumentation,
                message: &OwnedMessage,
            ) -> Result<(), String> {
                let topic = &self.$topic;
                let sent = topic
                    .producer(by)
                    .forward(message, &topic.name, PATIENCE)
                    .await;
                text_of(sent)
            }

            async fn republish(
                &self,
                by: &Instrumentation,
                message: &OwnedMessage,
            ) -> Result<(), String> {
                let topic = &self.$topic;
                let sent = topic
                    .producer(by)
                    .republish(message, &topic.name, PATIENCE)
                    .await;
                text_of(sent)
            }

            async fn dead_letter(
                &self,
                by: &Instrumentation,
                message: &OwnedMessage,
                error: &dyn fmt::Display,
            ) -> Result<(), String> {
                let (topic, producer) = (&self.$topic, self.$topic.producer(by));
                let sent = producer
                    .dead_letter(message, error, &topic.name, PATIENCE)
                    .await;
                text_of(sent)
            }
        }
    };
}

client_of_a_topic!(Kafka, 0, async { Kafka(Topic::on_brokers(1).await) });

client_of_a_topic!(EmbeddedKafka, topic, async {
    let cluster = MockCluster::new(1).expect("an embedded cluster");
    let name = unique("orders");
    cluster.create_topic(&name, 1, 1).expect("a topic");
    EmbeddedKafka {
        topic: Topic::connect(&cluster.bootstrap_servers(), name, 1),
        cluster,
    }
});

/// The headers of a record, all of which have to be text.
pub fn text_headers(message: &impl Message) -> HeaderList {
    let headers = message.headers().map(Headers::iter);
    headers
        .into_iter()
        .flatten()
        .map(|header| {
            let value = header.value.expect("a value").to_vec();
            (
                header.key.to_owned(),
                String::from_utf8(value).expect("text"),
            )
        })
        .collect()
}

fn text_of(delivery: OwnedDeliveryResult) -> Result<(), String> {
    delivery.map_err(|(error, _)| error.to_string())?;
    Ok(())
}

fn with_headers(headers: &[(&str, &str)]) -> Option<OwnedHeaders> {
    if headers.is_empty() {
        return None;
    }
    let all = headers
        .iter()
        .fold(OwnedHeaders::new(), |all, (key, value)| {
            all.insert(Header {
                key,
                value: Some(*value),
            })
        });
    Some(all)
}
