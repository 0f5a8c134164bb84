//! A hop over Kafka, with rdkafka: a real one, or the one embedded in librdkafka.

use crate::hop::{ConsumerClient, Headers, Hop, ProducerClient, headers_of};
use crate::order::Order;
use crate::service::Service;
use examples::address::Address;
use examples::kafka::Cluster;
use otel_messaging::Instrumentation;
use otel_messaging_rdkafka::InjectingProducer;
use rdkafka::consumer::{
    BaseConsumer, CommitMode, Consumer as _, ConsumerContext, Rebalance, StreamConsumer,
};
use rdkafka::error::KafkaError;
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::{ClientContext, Message};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// How long Kafka may take to answer. librdkafka tries again and again within it.
const ANSWER: Duration = Duration::from_secs(5);

pub(crate) struct Kafka {
    cluster: Cluster,
}

impl Kafka {
    pub(crate) fn embedded() -> anyhow::Result<Self> {
        let cluster = Cluster::embedded()?;
        Ok(Self { cluster })
    }

    pub(crate) async fn connect(address: &Address) -> anyhow::Result<Self> {
        let cluster = Cluster::connect(address).await?;
        Ok(Self { cluster })
    }

    /// Creates the hop's topic and opens both its ends.
    pub(crate) async fn ends(
        &self,
        hop: &Hop,
        from: &Service,
        to: &Service,
    ) -> anyhow::Result<(ProducerClient, ConsumerClient)> {
        self.cluster.create_topic(&hop.destination).await?;

        let consumer: StreamConsumer<Joining> = self
            .cluster
            .config()
            // A group stays for a while when its members are gone: one of its own for each run.
            .set("group.id", format!("{}-{}", to.name, hop.destination))
            .set("auto.offset.reset", "earliest")
            .set("enable.auto.commit", "false")
            // The embedded broker answers a fetch when this is over, not when something arrives.
            .set("fetch.wait.max.ms", "10")
            .create_with_context(Joining(hop.ready.clone()))?;
        consumer.subscribe(&[&hop.destination])?;

        let producer: FutureProducer = self.cluster.config().create()?;
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

    pub(crate) async fn close(self, topic: &str) {
        self.cluster.delete_topic(topic).await;
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
