//! The topics of a run, and the clients for them.

use crate::arguments::Arguments;
use examples::address::{Address, one_line};
use examples::kafka::Cluster;
use otel_messaging_rdkafka::{InjectingProducer, SettlingContext};
use rdkafka::consumer::{Consumer, StreamConsumer};
use rdkafka::producer::FutureProducer;
use std::fmt;
use std::time::{Duration, SystemTime};
use tokio::time::timeout;

/// How long Kafka may take for anything: long enough to be started again.
pub(crate) const ANSWER: Duration = Duration::from_secs(30);
/// How long it may take to remove the topics.
const REMOVAL: Duration = Duration::from_secs(5);

/// The names of the topics, whatever the run.
pub(crate) const TEMPLATES: [&str; 3] = ["orders-{run}", "pallets-{run}", "rejected-{run}"];

pub(crate) struct Topics {
    cluster: Cluster,
    address: Option<Address>,
    /// What their names, and that of the consumers' group, end with.
    run: String,
    pub(crate) orders: String,
    pub(crate) pallets: String,
    /// For what is no order.
    pub(crate) rejected: String,
}

impl Topics {
    pub(crate) async fn open(arguments: &Arguments) -> anyhow::Result<Self> {
        let address = arguments.address();
        let cluster = match &address {
            None => Cluster::embedded()?,
            Some(address) => {
                let connected = Cluster::connect(address).await;
                connected.map_err(|error| address.failure("Kafka", error))?
            }
        };
        let run = arguments.run.clone().unwrap_or_else(new_run);
        let named = |what| format!("{what}-{run}");
        let topics = Self {
            cluster,
            address,
            orders: named("orders"),
            pallets: named("pallets"),
            rejected: named("rejected"),
            run,
        };
        for name in [&topics.orders, &topics.pallets, &topics.rejected] {
            let created = topics.cluster.create_topic(name).await;
            created.map_err(|error| topics.failure(name, error))?;
        }
        Ok(topics)
    }

    /// Everything is acknowledged, or fails in time.
    pub(crate) fn producer(&self) -> anyhow::Result<InjectingProducer<FutureProducer>> {
        let mut config = self.cluster.config();
        config.set("message.timeout.ms", ANSWER.as_millis().to_string());
        Ok(InjectingProducer::new(config.create()?))
    }

    /// The consumer of the orders. It commits what is stored, and nothing is stored for having been
    /// received.
    pub(crate) fn orders(&self) -> anyhow::Result<StreamConsumer<SettlingContext>> {
        let consumer: StreamConsumer<_> = self
            .cluster
            .config()
            .set("group.id", format!("packers-{}", self.run))
            .set("auto.offset.reset", "earliest")
            .set("enable.auto.offset.store", "false")
            .set("enable.auto.commit", "true")
            .set("auto.commit.interval.ms", "500")
            // Who was killed holds its orders for so long; less than this Kafka does not take.
            .set("session.timeout.ms", "6000")
            // Tells where the orders end.
            .set("enable.partition.eof", "true")
            // The embedded broker answers a fetch when this is over, not when something arrives.
            .set("fetch.wait.max.ms", "10")
            .create_with_context(SettlingContext::default())?;
        consumer.subscribe(&[&self.orders])?;
        Ok(consumer)
    }

    /// A consumer that is told what to read, and is in no group.
    pub(crate) fn pallets(&self) -> anyhow::Result<StreamConsumer> {
        let consumer = self
            .cluster
            .config()
            .set("group.id", format!("unused-{}", self.run))
            .set("enable.auto.commit", "false")
            .set("fetch.wait.max.ms", "10")
            .create()?;
        Ok(consumer)
    }

    /// What went wrong with the topic of this name.
    pub(crate) fn failure(&self, topic: &str, what: impl fmt::Display) -> anyhow::Error {
        let what = format!("{topic}: {what}");
        match &self.address {
            Some(address) => address.failure("Kafka", what),
            None => anyhow::anyhow!("embedded Kafka: {}", one_line(what)),
        }
    }

    /// What becomes of the orders that are left.
    pub(crate) fn to_go_on(&self) -> String {
        match self.address {
            Some(_) => format!("to go on: --run {} --orders 0", self.run),
            None => "the other orders are gone with the embedded Kafka".to_owned(),
        }
    }

    pub(crate) async fn remove(&self) {
        let removing = async {
            for name in [&self.orders, &self.pallets, &self.rejected] {
                self.cluster.delete_topic(name).await;
            }
        };
        let _ = timeout(REMOVAL, removing).await;
    }
}

/// Enough to keep runs on the same brokers apart.
fn new_run() -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let micros = now.unwrap_or_default().as_micros() as u64;
    format!("{:x}-{:x}", micros, std::process::id())
}
