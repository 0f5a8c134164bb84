//! Kafka: a real one, or the one embedded in librdkafka.

use crate::address::Address;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::StreamConsumer;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{DefaultProducerContext, FutureProducer, Producer};
use std::fmt;
use std::time::Duration;

/// How long Kafka may take to answer. librdkafka tries again and again within it, with back-off.
pub(crate) const ANSWER: Duration = Duration::from_secs(5);

pub(crate) struct Kafka {
    address: Address,
    /// Lives as long as its cluster is needed.
    _embedded: Option<MockCluster<'static, DefaultProducerContext>>,
}

impl Kafka {
    /// The Kafka in librdkafka: the real protocol over loopback, gone with this process.
    pub(crate) fn embedded(topic: &str) -> anyhow::Result<Self> {
        let cluster = MockCluster::new(1)?;
        cluster.create_topic(topic, 1, 1)?;
        Ok(Self {
            address: Address::new(cluster.bootstrap_servers()),
            _embedded: Some(cluster),
        })
    }

    /// Connects, and creates the topic if it is not there.
    pub(crate) async fn connect(address: Address, topic: &str) -> anyhow::Result<Self> {
        let kafka = Self {
            address,
            _embedded: None,
        };
        let producer = kafka.producer()?;
        // A client that reaches nothing is no error for librdkafka: ask something.
        let ask = move || producer.client().fetch_metadata(None, ANSWER);
        let metadata = tokio::task::spawn_blocking(ask).await?;
        let metadata = metadata.map_err(|error| kafka.failure(error))?;
        if !metadata.topics().iter().any(|found| found.name() == topic) {
            kafka.create_topic(topic).await?;
        }
        Ok(kafka)
    }

    async fn create_topic(&self, name: &str) -> anyhow::Result<()> {
        let admin: AdminClient<DefaultClientContext> = self.config().create()?;
        let topic = NewTopic::new(name, 1, TopicReplication::Fixed(1));
        let options = AdminOptions::new().request_timeout(Some(ANSWER));
        let created = admin.create_topics([&topic], &options).await;
        match created.map_err(|error| self.failure(error))?.pop() {
            // Another program was quicker.
            None | Some(Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists))) => Ok(()),
            Some(Err((_, error))) => Err(self.failure(error)),
        }
    }

    /// Whether or not it works: nobody waits for it.
    pub(crate) async fn delete_topic(&self, name: &str) {
        let admin: Result<AdminClient<DefaultClientContext>, _> = self.config().create();
        if let Ok(admin) = admin {
            let _ = admin.delete_topics(&[name], &AdminOptions::new()).await;
        }
    }

    pub(crate) fn producer(&self) -> anyhow::Result<FutureProducer> {
        let mut config = self.config();
        config.set("message.timeout.ms", ANSWER.as_millis().to_string());
        // One row is no batch to wait for.
        config.set("linger.ms", "0");
        Ok(config.create()?)
    }

    pub(crate) fn consumer(&self, group: &str) -> anyhow::Result<StreamConsumer> {
        let mut config = self.config();
        config.set("group.id", group);
        config.set("auto.offset.reset", "earliest");
        config.set("enable.auto.commit", "false");
        // When somebody else gets the messages of a consumer that died.
        config.set("session.timeout.ms", "6000");
        Ok(config.create()?)
    }

    /// What went wrong, with the address.
    pub(crate) fn failure(&self, what: impl fmt::Display) -> anyhow::Error {
        self.address.failure("Kafka", what)
    }

    fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.address.reveal());
        config.set("client.id", "outbox");
        config
    }
}
