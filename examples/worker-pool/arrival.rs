//! Where the pallets arrive: the message carries the trace of its loading.

use crate::ledger::{Ledger, Position};
use crate::topics::{ANSWER, Topics};
use anyhow::anyhow;
use otel_messaging_rdkafka::with_message_context;
use rdkafka::consumer::{Consumer, StreamConsumer};
use rdkafka::error::KafkaError;
use rdkafka::{Message, Offset, TopicPartitionList};
use std::collections::{BTreeMap, BTreeSet};
use tokio::time::timeout;

/// Receives the pallets of this run.
pub(crate) async fn receive(topics: &Topics, ledger: &Ledger) -> anyhow::Result<()> {
    let mut awaited: BTreeSet<_> = ledger.pallets.iter().map(|p| p.position).collect();
    // Others may have sent before.
    let mut first = BTreeMap::new();
    for Position { partition, offset } in awaited.iter().rev() {
        first.insert(*partition, *offset);
    }
    let mut places = TopicPartitionList::new();
    for (partition, offset) in first {
        places.add_partition_offset(&topics.pallets, partition, Offset::Offset(offset))?;
    }
    let consumer = topics.pallets()?;
    consumer.assign(&places)?;

    let receiving = async {
        while !awaited.is_empty() {
            receive_one(&consumer, &mut awaited).await?;
        }
        anyhow::Ok(())
    };
    let received = timeout(ANSWER, receiving).await;
    received
        .map_err(|_| anyhow!("a pallet did not arrive within {} s", ANSWER.as_secs()))
        .and_then(|received| received)
        .map_err(|error| topics.failure(&topics.pallets, error))
}

async fn receive_one(
    consumer: &StreamConsumer,
    awaited: &mut BTreeSet<Position>,
) -> anyhow::Result<()> {
    let message = match consumer.recv().await {
        // librdkafka goes on by itself.
        Err(error) if !matches!(error, KafkaError::MessageConsumptionFatal(_)) => return Ok(()),
        message => message?,
    };
    with_message_context(&message, async |message| {
        awaited.remove(&Position {
            partition: message.partition(),
            offset: message.offset(),
        });
    })
    .await;
    Ok(())
}
