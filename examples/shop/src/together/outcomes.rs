//! Watching what becomes of the orders.

use super::orders::{Outcome, Placed};
use crate::arguments::Brokers;
use crate::nats;
use crate::rabbitmq::RabbitMq;
use futures_util::{Stream, StreamExt, stream};
use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicConsumeOptions};
use lapin::types::FieldTable;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;
use std::time::Duration;
use uuid::Uuid;

/// The id of an order, in whatever message.
#[derive(Deserialize)]
struct Id {
    #[serde(alias = "id")]
    order: Uuid,
}

/// A message at which an order has ended.
struct Ended {
    payload: Vec<u8>,
    outcome: Outcome,
    /// The message itself, if it is in a queue.
    delivery: Option<Delivery>,
}

impl Ended {
    fn new(payload: &[u8], outcome: Outcome) -> Self {
        Self {
            payload: payload.to_vec(),
            outcome,
            delivery: None,
        }
    }
}

/// Watches where the orders end: at the mails, and with the messages that were put aside.
pub(super) struct Outcomes {
    messages: Pin<Box<dyn Stream<Item = Ended> + Send>>,
    known: BTreeMap<Uuid, Outcome>,
    _rabbitmq: RabbitMq,
}

impl Outcomes {
    pub(super) async fn watch(brokers: &Brokers) -> anyhow::Result<Self> {
        let names = &brokers.names;
        let client = nats::connect(&brokers.nats).await?;
        let mails = client.subscribe(names.mails.clone()).await?;
        let mails = mails.map(|mail| Ended::new(&mail.payload, Outcome::Mailed));
        let parcels = client.subscribe(names.parcels_failed.clone()).await?;
        let parcels = parcels.map(|parcel| Ended::new(&parcel.payload, Outcome::ParcelPutAside));
        client.flush().await?;

        let rabbitmq = RabbitMq::connect(&brokers.amqp, names).await?;
        let queue = names.orders_failed.as_str().into();
        let (options, arguments) = (BasicConsumeOptions::default(), FieldTable::default());
        let consuming = rabbitmq
            .channel
            .basic_consume(queue, "".into(), options, arguments);
        let orders = consuming.await?.filter_map(async |order| {
            let order = order.ok()?;
            let mut ended = Ended::new(&order.data, Outcome::OrderPutAside);
            ended.delivery = Some(order);
            Some(ended)
        });
        let messages = stream::select(stream::select(mails, parcels), orders.boxed());
        Ok(Self {
            messages: messages.boxed(),
            known: BTreeMap::new(),
            _rabbitmq: rabbitmq,
        })
    }

    /// Waits until each of the orders has an outcome. Letters about other orders stay in their queue.
    pub(super) async fn wait_for(&mut self, orders: &[Placed]) -> anyhow::Result<()> {
        let ids: BTreeSet<_> = orders.iter().map(|placed| placed.order.id).collect();
        while self.known.len() < ids.len() {
            let ended = self.messages.next().await;
            let ended = ended.ok_or_else(|| anyhow::anyhow!("the brokers are gone"))?;
            let id = serde_json::from_slice(&ended.payload).map(|Id { order }| order);
            if let Ok(id) = id
                && ids.contains(&id)
            {
                self.known.insert(id, ended.outcome);
                if let Some(delivery) = ended.delivery {
                    delivery.ack(BasicAckOptions::default()).await?;
                }
            }
        }
        Ok(())
    }

    pub(super) fn known(&self) -> &BTreeMap<Uuid, Outcome> {
        &self.known
    }

    /// Which orders have none.
    pub(super) fn missing(&self, orders: &[Placed], after: Duration) -> String {
        let ids = orders.iter().map(|placed| placed.order.id);
        let missing: Vec<_> = ids
            .filter(|id| !self.known.contains_key(id))
            .map(|id| id.to_string())
            .collect();
        format!(
            "not settled after {} s: {}",
            after.as_secs(),
            missing.join(", ")
        )
    }
}
