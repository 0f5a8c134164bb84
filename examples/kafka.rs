//! A Kafka to reach with rdkafka: a real one, or the one embedded in librdkafka.

use crate::address::Address;
use anyhow::{Context, anyhow};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{DefaultProducerContext, FutureProducer, Producer};
use rdkafka::{ClientConfig, ClientContext};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// How long Kafka may take to answer. librdkafka tries again and again within it.
const ANSWER: Duration = Duration::from_secs(5);

/// The brokers, and what is needed to make a client of them.
pub struct Cluster {
    servers: String,
    /// Lives as long as its cluster is needed.
    embedded: Option<MockCluster<'static, DefaultProducerContext>>,
}

impl Cluster {
    /// The Kafka in librdkafka: the real protocol over loopback, gone with this process.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub fn embedded() -> anyhow::Result<Self> {
        let cluster = MockCluster::new(1)?;
        Ok(Self {
            servers: cluster.bootstrap_servers(),
            embedded: Some(cluster),
        })
    }

    /// The Kafka at this address, which is `host:port`, or several with commas.
    ///
    /// # Errors
    ///
    /// When none of them answers within 5 seconds. The address is not in the error.
    pub async fn connect(address: &Address) -> anyhow::Result<Self> {
        let servers = address.reveal().to_owned();
        let config = config(&servers);
        // A client that reaches nothing is no error for librdkafka: ask something.
        tokio::task::spawn_blocking(move || {
            let witness = Witness::default();
            let producer: FutureProducer<Witness> = config.create_with_context(witness.clone())?;
            match (
                producer.client().fetch_metadata(None, ANSWER),
                witness.0.get(),
            ) {
                (Ok(_), _) => Ok(()),
                (Err(_), Some(seen)) => Err(anyhow!("{seen}")),
                (Err(error), None) => Err(anyhow!("{error}")),
            }
        })
        .await??;
        Ok(Self {
            servers,
            embedded: None,
        })
    }

    /// What every client of it is made with.
    pub fn config(&self) -> ClientConfig {
        config(&self.servers)
    }

    /// Creates a topic of one partition, if it is not there.
    ///
    /// # Errors
    ///
    /// What Kafka says.
    pub async fn create_topic(&self, name: &str) -> anyhow::Result<()> {
        if let Some(cluster) = &self.embedded {
            return Ok(cluster.create_topic(name, 1, 1)?);
        }
        let admin: AdminClient<DefaultClientContext> = self.config().create()?;
        let topic = NewTopic::new(name, 1, TopicReplication::Fixed(1));
        let created = admin.create_topics([&topic], &AdminOptions::new()).await?;
        match created.into_iter().next().context("no answer")? {
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => Ok(()),
            Err((_, error)) => Err(anyhow!("{error}")),
        }
    }

    /// Deletes a topic, if it can be.
    pub async fn delete_topic(&self, name: &str) {
        if self.embedded.is_some() {
            return;
        }
        let admin: Result<AdminClient<DefaultClientContext>, _> = self.config().create();
        if let Ok(admin) = admin {
            let _ = admin.delete_topics(&[name], &AdminOptions::new()).await;
        }
    }
}

fn config(servers: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", servers)
        .set("client.id", "examples")
        // One order is no batch to wait for.
        .set("linger.ms", "0");
    config
}

/// Keeps the first thing that librdkafka reports: what comes later says less.
#[derive(Clone, Default)]
struct Witness(Arc<OnceLock<String>>);

impl ClientContext for Witness {
    fn error(&self, _: KafkaError, reason: &str) {
        let _ = self.0.set(reason.to_owned());
    }
}
