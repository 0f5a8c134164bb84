//! A topic with messages of several producers, some of whose contexts are as they should not be.

use anyhow::{Context as _, Result, anyhow};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use std::time::Duration;

/// A topic of four partitions.
pub(crate) struct Topic {
    pub(crate) name: String,
    config: ClientConfig,
    runtime: tokio::runtime::Runtime,
}

impl Topic {
    pub(crate) fn fill(kafka: &str, messages: u64) -> Result<Self> {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", kafka)
            .set("linger.ms", "20");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let topic = Self {
            name: format!("benches-scan-{}", std::process::id()),
            config,
            runtime,
        };
        let new = NewTopic::new(&topic.name, 4, TopicReplication::Fixed(1));
        let admin: AdminClient<DefaultClientContext> = topic.config.create().context("Kafka")?;
        let created = admin.create_topics([&new], &AdminOptions::new());
        for created in topic.runtime.block_on(created).context("Kafka")? {
            created.map_err(|(topic, code)| anyhow!("no topic {topic}: {code}"))?;
        }
        let producer: BaseProducer = topic.config.create().context("Kafka")?;
        for number in 0..messages {
            topic.send(&producer, number)?;
        }
        producer.flush(Duration::from_secs(120)).context("Kafka")?;
        Ok(topic)
    }

    fn send(&self, producer: &BaseProducer, number: u64) -> Result<()> {
        let key = format!(
            "{}-{number}",
            ["order", "invoice", "label", "return"][number as usize % 4]
        );
        let traceparent = match number % 100 {
            0 => "00-1-2-01".to_owned(),
            _ => format!(
                "00-0af7651916cd43dd{:016x}-{:016x}-01",
                number + 1,
                number + 1
            ),
        };
        let headers = [
            ("content-type", "application/json"),
            ("traceparent", &traceparent),
            ("baggage", "tenant=acme,user=4711"),
            ("schema", "orders-v3"),
            ("attempt", "1"),
        ];
        let mut owned = OwnedHeaders::new();
        for (key, value) in headers {
            owned = owned.insert(Header {
                key,
                value: Some(value),
            });
        }
        let payload = [b'x'; 100];
        let mut record = BaseRecord::to(&self.name)
            .key(&key)
            .payload(&payload[..])
            .headers(owned);
        loop {
            match producer.send(record) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                    record = back;
                    producer.poll(Duration::from_millis(100));
                }
                Err((error, _)) => return Err(error).context("Kafka"),
            }
        }
    }

    pub(crate) fn remove(&self) -> Result<()> {
        let admin: AdminClient<DefaultClientContext> = self.config.create()?;
        let topics = [self.name.as_str()];
        let removed = admin.delete_topics(&topics, &AdminOptions::new());
        self.runtime.block_on(removed)?;
        Ok(())
    }
}
