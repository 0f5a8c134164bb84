//! Kafka, which billing and shipping use.

use crate::address::Address;
use crate::names::Names;
use otel_messaging_rdkafka::SettlingContext;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::StreamConsumer;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::producer::FutureProducer;
use std::time::Duration;

/// How long Kafka may take to answer.
pub(crate) const ANSWER: Duration = Duration::from_secs(10);

pub(crate) struct Kafka {
    address: Address,
}

impl Kafka {
    /// Creates the topics, unless they are there.
    pub(crate) async fn connect(address: &Address, names: &Names) -> anyhow::Result<Self> {
        let kafka = Self {
            address: address.clone(),
        };
        let admin: AdminClient<DefaultClientContext> = kafka.config("admin").create()?;
        let topics = [&names.invoices, &names.invoices_failed]
            .map(|name| NewTopic::new(name, 3, TopicReplication::Fixed(1)));
        let options = AdminOptions::new().request_timeout(Some(ANSWER));
        let created = admin.create_topics(&topics, &options).await;
        for topic in created.map_err(|error| address.failure("Kafka", error))? {
            match topic {
                Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
                Err((_, error)) => return Err(address.failure("Kafka", error)),
            }
        }
        Ok(kafka)
    }

    pub(crate) fn producer(&self, client_id: &str) -> anyhow::Result<FutureProducer> {
        let mut config = self.config(client_id);
        config.set("message.timeout.ms", ANSWER.as_millis().to_string());
        Ok(config.create()?)
    }

    pub(crate) fn consumer(&self, group: &str) -> anyhow::Result<StreamConsumer<SettlingContext>> {
        let mut config = self.config(group);
        config.set("group.id", group);
        config.set("auto.offset.reset", "earliest");
        // An offset is stored when its message is handled.
        config.set("enable.auto.offset.store", "false");
        // After this time, Kafka gives the partitions of a consumer that was killed to another one.
        config.set("session.timeout.ms", "6000");
        Ok(config.create_with_context(SettlingContext::default())?)
    }

    fn config(&self, client_id: &str) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.address.reveal());
        config.set("client.id", client_id);
        config
    }
}
