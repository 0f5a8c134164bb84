//! Whether the brokers have something left for the services.

use crate::arguments::Brokers;
use crate::kafka::ANSWER;
use crate::nats;
use crate::rabbitmq::RabbitMq;
use async_nats::jetstream;
use async_nats::jetstream::consumer::PullConsumer;
use backon::{ConstantBuilder, Retryable};
use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaResult;
use rdkafka::{ClientConfig, Offset};
use std::time::Duration;
use tokio::task::spawn_blocking;

/// Brokers may count what is settled a moment later: so often, and so long, they are asked.
const ASKED: (usize, Duration) = (100, Duration::from_millis(100));

/// Waits until no message is left. Returns an error if one stays.
pub(super) async fn assert_nothing_left(brokers: &Brokers) -> anyhow::Result<()> {
    let (times, delay) = ASKED;
    let waits = ConstantBuilder::default().with_delay(delay);
    (|| look(brokers)).retry(waits.with_max_times(times)).await
}

async fn look(brokers: &Brokers) -> anyhow::Result<()> {
    let names = &brokers.names;
    let orders = orders(brokers).await?;
    let asked = brokers.clone();
    let invoices = spawn_blocking(move || invoices(&asked)).await??;
    let parcels = parcels(brokers).await?;
    for (left, of) in [
        (u64::from(orders), &names.orders),
        (invoices, &names.invoices),
        (parcels, &names.parcels),
    ] {
        anyhow::ensure!(left == 0, "{left} messages of {of} are not settled");
    }
    Ok(())
}

async fn orders(brokers: &Brokers) -> anyhow::Result<u32> {
    let rabbitmq = RabbitMq::connect(&brokers.amqp, &brokers.names).await?;
    let options = QueueDeclareOptions {
        passive: true,
        ..Default::default()
    };
    let queue = brokers.names.orders.as_str().into();
    let declared = rabbitmq
        .channel
        .queue_declare(queue, options, FieldTable::default());
    Ok(declared.await?.message_count())
}

/// How far the group is behind.
fn invoices(brokers: &Brokers) -> KafkaResult<u64> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", brokers.kafka.reveal())
        .set("group.id", &brokers.names.shipping)
        .create()?;
    let topic = &brokers.names.invoices;
    let metadata = consumer.fetch_metadata(Some(topic), ANSWER)?;
    let mut partitions = rdkafka::TopicPartitionList::new();
    for partition in metadata
        .topics()
        .iter()
        .flat_map(|topic| topic.partitions())
    {
        partitions.add_partition(topic, partition.id());
    }
    let mut behind = 0;
    for committed in consumer.committed_offsets(partitions, ANSWER)?.elements() {
        let (_, end) = consumer.fetch_watermarks(topic, committed.partition(), ANSWER)?;
        let next = match committed.offset() {
            Offset::Offset(next) => next,
            _ => 0,
        };
        behind += u64::try_from(end - next).unwrap_or_default();
    }
    Ok(behind)
}

async fn parcels(brokers: &Brokers) -> anyhow::Result<u64> {
    let stream = jetstream::new(nats::connect(&brokers.nats).await?);
    let stream = stream.get_stream(&brokers.names.stream).await?;
    let consumer = stream.get_consumer("notifier").await;
    let mut consumer: PullConsumer = consumer.map_err(anyhow::Error::from_boxed)?;
    let info = consumer.info().await?;
    Ok(info.num_pending + info.num_ack_pending as u64)
}
