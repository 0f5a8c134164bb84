//! Watching what becomes of the orders.

use super::orders::{Outcome, Placed};
use crate::arguments::Brokers;
use crate::nats;
use crate::rabbitmq::RabbitMq;
use futures_util::{Stream, StreamExt, stream};
use lapin::options::BasicConsumeOptions;
use lapin::types::FieldTable;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::pin::Pin;
use std::time::Duration;
use uuid::Uuid;

/// The id of an order, in whatever message.
#[derive(Deserialize)]
struct Id {
    #[serde(alias = "id")]
    order: Uuid,
}

/// Watches where the orders end: at the mails, and with the messages that were put aside.
pub(super) struct Outcomes {
    messages: Pin<Box<dyn Stream<Item = (Vec<u8>, Outcome)> + Send>>,
    known: BTreeMap<Uuid, Outcome>,
    _rabbitmq: RabbitMq,
}

impl Outcomes {
    pub(super) async fn watch(brokers: &Brokers) -> anyhow::Result<Self> {
        let names = &brokers.names;
        let client = nats::connect(&brokers.nats).await?;
        let mails = client.subscribe(names.mails.clone()).await?;
        let mails = mails.map(|mail| (mail.payload.to_vec(), Outcome::Mailed));
        let parcels = client.subscribe(names.parcels_failed.clone()).await?;
        let parcels = parcels.map(|parcel| (parcel.payload.to_vec(), Outcome::ParcelPutAside));
        client.flush().await?;

        let rabbitmq = RabbitMq::connect(&brokers.amqp, names).await?;
        let (queue, options) = (
            names.orders_failed.as_str().into(),
            BasicConsumeOptions {
                no_ack: true,
                ..Default::default()
            },
        );
        let orders =
            rabbitmq
                .channel
                .basic_consume(queue, "".into(), options, FieldTable::default());
        let orders = orders
            .await?
            .filter_map(async |order| Some((order.ok()?.data, Outcome::OrderPutAside)));
        let messages = stream::select(stream::select(mails, parcels), orders.boxed());
        Ok(Self {
            messages: messages.boxed(),
            known: BTreeMap::new(),
            _rabbitmq: rabbitmq,
        })
    }

    /// Waits until each of the orders has an outcome.
    pub(super) async fn of_all(&mut self, orders: &[Placed]) -> anyhow::Result<()> {
        while !orders
            .iter()
            .all(|placed| self.known.contains_key(&placed.order.id))
        {
            let message = self.messages.next().await;
            let (payload, outcome) =
                message.ok_or_else(|| anyhow::anyhow!("the brokers are gone"))?;
            if let Ok(Id { order }) = serde_json::from_slice(&payload) {
                self.known.insert(order, outcome);
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
