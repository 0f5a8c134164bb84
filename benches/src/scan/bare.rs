//! The bare consumer: the least that reading a topic costs with rdkafka.

use anyhow::{Context as _, Result};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use std::hint::black_box;
use std::time::Duration;

pub(crate) fn read(kafka: &str, topic: &str, messages: u64) -> Result<()> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", kafka)
        // librdkafka wants a name; nobody joins the group, as with the doctor.
        .set("group.id", "benches-scan")
        .set("enable.auto.commit", "false")
        .create()
        .context("Kafka")?;
    let metadata = consumer.fetch_metadata(Some(topic), Duration::from_secs(10))?;
    let known = metadata.topics().first().context("the topic is gone")?;
    let mut assignment = TopicPartitionList::new();
    for partition in known.partitions() {
        assignment.add_partition_offset(topic, partition.id(), Offset::Beginning)?;
    }
    consumer.assign(&assignment)?;
    for _ in 0..messages {
        let polled = consumer.poll(Duration::from_secs(30));
        let message = polled.context("no message for 30 s")??;
        black_box(message.payload());
    }
    Ok(())
}
