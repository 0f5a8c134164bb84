//! A topic made for one test.

use super::{text_of, with_headers};
use crate::client::{PATIENCE, address, in_time, unique};
use otel_messaging::Instrumentation;
use otel_messaging_rdkafka::InjectingProducer;
use rdkafka::admin::{
    AdminClient, AdminOptions, AlterConfig, NewTopic, ResourceSpecifier, TopicReplication,
};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{Consumer, StreamConsumer};
use rdkafka::message::{OwnedHeaders, OwnedMessage};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

/// Some tests send messages of long ago, which a broker otherwise deletes when it looks for old ones, every
/// five minutes.
const FOR_EVER: (&str, &str) = ("retention.ms", "-1");

fn admin(brokers: &str) -> AdminClient<DefaultClientContext> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers);
    config.create().expect("an admin client")
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
        let topic = NewTopic::new(&name, partitions, TopicReplication::Fixed(1));
        let topic = topic.set(FOR_EVER.0, FOR_EVER.1);
        let topic = settings
            .iter()
            .fold(topic, |topic, (name, value)| topic.set(name, value));
        let options = AdminOptions::new().request_timeout(Some(PATIENCE));
        let created = admin(brokers)
            .create_topics([&topic], &options)
            .await
            .unwrap_or_else(|error| panic!("Kafka at {brokers}: {error}"));
        for result in created {
            result.unwrap_or_else(|(topic, code)| panic!("topic {topic}: {code}"));
        }
        Self::connect(brokers, name, partitions)
    }

    /// Changes a setting of the topic, and puts the others back to their defaults.
    ///
    /// # Panics
    ///
    /// When the brokers do not change it.
    pub async fn change(&self, setting: &str, value: &str) {
        let change = AlterConfig::new(ResourceSpecifier::Topic(&self.name));
        let change = change.set(FOR_EVER.0, FOR_EVER.1).set(setting, value);
        let options = AdminOptions::new().request_timeout(Some(PATIENCE));
        let changed = admin(&self.brokers).alter_configs([&change], &options);
        for result in changed.await.expect("an answer") {
            result.unwrap_or_else(|(topic, code)| panic!("{topic:?}: {code}"));
        }
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

    pub(super) fn connect(brokers: &str, name: String, partitions: i32) -> Self {
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

    pub(super) async fn send(
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

    pub(super) fn producer(&self, by: &Instrumentation) -> InjectingProducer<FutureProducer> {
        InjectingProducer::new(self.producer.clone()).with_instrumentation(by.clone())
    }

    pub(super) async fn send_plain(&self, headers: &[(&str, &str)]) {
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
