//! A topic, and records for it.

use super::KEY;
use crate::scenario::Setting;
use anyhow::{Context as _, Result, anyhow};
use benches::call::kafka::{MAX_BYTES, room};
use bytes::Bytes;
use opentelemetry::KeyValue;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::message::OwnedHeaders;
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::util::Timeout;
use std::sync::Arc;

/// A topic of one partition.
pub(super) struct Topic {
    pub config: ClientConfig,
    pub name: String,
    pub payload: Bytes,
    server: (Arc<str>, i64),
}

impl Topic {
    pub(super) async fn open(setting: &Setting<'_>, of: &str) -> Result<Self> {
        let (site, payload) = (setting.site, setting.payload.clone());
        let address = site.addresses.kafka.as_str();
        let (host, port) = address
            .rsplit_once(':')
            .context("KAFKA_BROKERS has no port")?;
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

    pub(super) fn record(&self, headers: Option<OwnedHeaders>) -> FutureRecord<'_, str, [u8]> {
        let record = FutureRecord::to(&self.name)
            .key(KEY)
            .payload(&self.payload[..]);
        match headers {
            Some(headers) => record.headers(headers),
            None => record,
        }
    }

    /// By hand: what the spans say of the server.
    pub(super) fn server(&self) -> [KeyValue; 2] {
        [
            KeyValue::new("server.address", self.server.0.clone()),
            KeyValue::new("server.port", self.server.1),
        ]
    }

    /// By hand: what the headers of a record may take.
    pub(super) fn room(&self) -> usize {
        room(MAX_BYTES, KEY.len() + self.payload.len())
    }

    pub(super) async fn close(self) -> Result<()> {
        let admin: AdminClient<DefaultClientContext> = self.config.create()?;
        admin
            .delete_topics(&[&self.name], &AdminOptions::new())
            .await?;
        Ok(())
    }
}

/// Sends a record, and gives its partition and offset.
pub(super) async fn produce(
    producer: &FutureProducer,
    record: FutureRecord<'_, str, [u8]>,
) -> Result<(i32, i64)> {
    let delivered = producer.send(record, Timeout::Never).await;
    let delivery = delivered.map_err(|(error, _)| error)?;
    Ok((delivery.partition, delivery.offset))
}
