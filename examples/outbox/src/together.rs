//! All three in one process.

use crate::address::Address;
use crate::arguments::Arguments;
use crate::kafka::Kafka;
use crate::order::Order;
use crate::store::Store;
use crate::{consume, place, relay};
use anyhow::{Context, anyhow};
use std::time::{Duration, SystemTime};
use tokio::time::timeout;

/// How long the order may take, the joining of the consumer's group included.
const RUN: Duration = Duration::from_secs(20);

pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    // Removed when this returns.
    let folder = tempfile::tempdir().context("no folder for the database")?;
    let file = folder.path().join("outbox.db");
    let url = format!("sqlite:{}?mode=rwc", file.display());
    let store = Store::open(Address::new(url)).await?;
    let Some(brokers) = arguments.given_brokers() else {
        let kafka = Kafka::embedded(&arguments.topic)?;
        return deliver(&store, &kafka, &arguments.topic, arguments).await;
    };
    // Others have run this before, and some may right now.
    let since = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    let topic = format!("{}-{:x}", arguments.topic, since.as_nanos());
    let kafka = Kafka::connect(brokers, &topic).await?;
    let delivered = deliver(&store, &kafka, &topic, arguments).await;
    kafka.delete_topic(&topic).await;
    delivered
}

async fn deliver(
    store: &Store,
    kafka: &Kafka,
    topic: &str,
    arguments: &Arguments,
) -> anyhow::Result<()> {
    let order = Order {
        number: 7,
        item: "tea".to_owned(),
        count: 3,
    };
    let stop_at = arguments.stop_at;
    place::run(store, topic, &order, stop_at).await?;
    let delivered = async {
        tokio::try_join!(
            relay::run(store, kafka, true, stop_at),
            consume::run(store, kafka, topic, topic, Some(1), stop_at),
        )
    };
    let delivered = timeout(RUN, delivered).await;
    delivered.map_err(|_| anyhow!("no invoice within {} s", RUN.as_secs()))??;
    Ok(())
}
