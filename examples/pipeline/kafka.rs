//! A hop over Kafka, with rdkafka: a real one, or the one embedded in librdkafka.

use crate::address::Address;
use crate::hop::{ConsumerClient, Headers, Hop, ProducerClient, headers_of};
use crate::order::Order;
use crate::service::Service;
use anyhow::{Context, anyhow};
use otel_messaging::Instrumentation;
use otel_messaging_rdkafka::InjectingProducer;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{
    BaseConsumer, CommitMode, Consumer as _, ConsumerContext, Rebalance, StreamConsumer,
};
use rdkafka::error::KafkaError;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{DefaultProducerContext, FutureProducer, FutureRecord, Producer as _};
use rdkafka::{ClientConfig, ClientContext, Message};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::Notify;

/// How long Kafka may take to answer. librdkafka tries again and again within it.
const ANSWER: Duration = Duration::from_secs(5);

pub(crate) struct Kafka {
    servers: String,
    /// Lives as long as its cluster is needed.
    embedded: Option<MockCluster<'static, DefaultProducerContext>>,
}

impl Kafka {
    /// The Kafka in librdkafka: the real protocol over loopback, gone with this process.
    pub(crate) fn embedded() -> anyhow::Result<Self> {
        let cluster = MockCluster::new(1)?;
        Ok(Self {
            servers: cluster.bootstrap_servers(),
            embedded: Some(cluster),
        })
    }

    pub(crate) async fn connect(address: &Address) -> anyhow::Result<Self> {
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

    /// Creates the hop's topic and opens both its ends.
    pub(crate) async fn ends(
        &self,
        hop: &Hop,
        from: &Service,
        to: &Service,
    ) -> anyhow::Result<(ProducerClient, ConsumerClient)> {
        self.create_topic(&hop.destination).await?;

        let consumer: StreamConsumer<Joining> = config(&self.servers)
            // A group stays for a while when its members are gone: one of its own for each run.
            .set("group.id", format!("{}-{}", to.name, hop.destination))
            .set("auto.offset.reset", "earliest")
            .set("enable.auto.commit", "false")
            // The embedded broker answers a fetch when this is over, not when something arrives.
            .set("fetch.wait.max.ms", "10")
            .create_with_context(Joining(hop.ready.clone()))?;
        consumer.subscribe(&[&hop.destination])?;

        let producer: FutureProducer = config(&self.servers).create()?;
        let instrumentation = from.instrumentation.clone();
        let producer = Producer {
            producer: InjectingProducer::new(producer).with_instrumentation(instrumentation),
        };
        let consumer = Consumer {
            consumer,
            instrumentation: to.instrumentation.clone(),
        };
        Ok((
            ProducerClient::Kafka(producer),
            ConsumerClient::Kafka(consumer),
        ))
    }

    async fn create_topic(&self, name: &str) -> anyhow::Result<()> {
        if let Some(cluster) = &self.embedded {
            return Ok(cluster.create_topic(name, 1, 1)?);
        }
        let admin: AdminClient<DefaultClientContext> = config(&self.servers).create()?;
        let topic = NewTopic::new(name, 1, TopicReplication::Fixed(1));
        let created = admin.create_topics([&topic], &AdminOptions::new()).await?;
        let created = created.into_iter().next().context("no answer")?;
        created.map_err(|(_, error)| anyhow!("{error}"))?;
        Ok(())
    }

    pub(crate) async fn close(self, topic: &str) {
        if self.embedded.is_some() {
            return;
        }
        let admin: Result<AdminClient<DefaultClientContext>, _> = config(&self.servers).create();
        if let Ok(admin) = admin {
            let _ = admin.delete_topics(&[topic], &AdminOptions::new()).await;
        }
    }
}

fn config(servers: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", servers)
        .set("client.id", "pipeline")
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

/// Tells when the consumer has got its partition.
struct Joining(Arc<Notify>);

impl ClientContext for Joining {}

impl ConsumerContext for Joining {
    fn post_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if matches!(rebalance, Rebalance::Assign(_)) {
            self.0.notify_one();
        }
    }
}

pub(crate) struct Producer {
    producer: InjectingProducer<FutureProducer>,
}

impl Producer {
    pub(crate) async fn send(&self, hop: &Hop, order: &Order) -> anyhow::Result<()> {
        let (key, payload) = (order.number.to_string(), order.to_json()?);
        let record = FutureRecord::to(&hop.destination)
            .key(&key)
            .payload(&payload);
        let sent = self.producer.send(record, ANSWER).await;
        sent.map_err(|(error, _record)| error)?;
        Ok(())
    }
}

pub(crate) struct Consumer {
    consumer: StreamConsumer<Joining>,
    instrumentation: Instrumentation,
}

impl Consumer {
    pub(crate) async fn receive(
        &mut self,
        hop: &Hop,
        handle: impl AsyncFnOnce(Order) -> anyhow::Result<()>,
    ) -> anyhow::Result<Headers> {
        let received = async {
            loop {
                match self.consumer.recv().await {
                    // librdkafka goes on by itself, for as long as there is time.
                    Err(error) if !matches!(error, KafkaError::MessageConsumptionFatal(_)) => {}
                    received => break Some(received),
                }
            }
        };
        let message = hop.arrived(received).await?;
        let headers = headers_of(&message);
        self.instrumentation
            .try_with_message_context(&message, async |message| {
                let payload = message.payload().unwrap_or_default();
                handle(Order::from_json(payload)?).await?;
                let commit = self.consumer.commit_message(message, CommitMode::Async);
                anyhow::Ok(commit?)
            })
            .await?;
        Ok(headers)
    }
}
