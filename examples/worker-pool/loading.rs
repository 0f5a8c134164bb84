//! Join: the parcels of many orders, one outgoing message, linked to all of them.

use crate::ledger::{Ledger, OrderTaken, PalletLoaded, Position};
use crate::order::{Pallet, Parcel};
use crate::orders::{InWork, OrderGuard, Taken};
use crate::packing::Packed;
use crate::say;
use crate::topics::{ANSWER, Topics};
use anyhow::anyhow;
use examples::address::one_line;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use opentelemetry::trace::{FutureExt, TraceContextExt, Tracer};
use opentelemetry::{Context, global};
use otel_messaging_rdkafka::{InjectingProducer, Job};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::producer::{FutureProducer, FutureRecord};
use std::collections::BTreeSet;
use std::fmt::Write;
use tokio::sync::mpsc;

pub(crate) struct Loader<'a> {
    topics: &'a Topics,
    producer: &'a InjectingProducer<FutureProducer>,
    /// For how many parcels there is room on a pallet.
    room: usize,
    /// The pallet that is being loaded: each parcel with its order's place in the ledger.
    pallet: Vec<(usize, Job<Parcel>)>,
    /// For each order of the ledger, how many of its parcels are not on an acknowledged pallet yet.
    open: Vec<(usize, OrderGuard)>,
    ledger: Ledger,
}

impl<'a> Loader<'a> {
    pub(crate) fn new(
        topics: &'a Topics,
        producer: &'a InjectingProducer<FutureProducer>,
        room: usize,
    ) -> Self {
        Self {
            topics,
            producer,
            room,
            pallet: Vec::new(),
            open: Vec::new(),
            ledger: Ledger::default(),
        }
    }

    /// Loads parcels as they are packed until no more orders come, then the pallet that is not full.
    /// While Kafka takes its time for a pallet, no order is taken here.
    pub(crate) async fn load_all(
        mut self,
        mut taken: mpsc::Receiver<(Taken, OrderGuard)>,
    ) -> anyhow::Result<Ledger> {
        let mut packing = FuturesUnordered::new();
        loop {
            tokio::select! {
                Some((order, packed)) = packing.next() => self.add(order, packed?).await?,
                Some((taken, guard)) = taken.recv() => match taken {
                    Taken::Rejected => self.done(guard.ack().await)?,
                    Taken::Order(in_work) => {
                        let InWork { order, parcels } = *in_work;
                        let number = order.number;
                        let order = self.open(order, guard).await?;
                        packing.extend(parcels.into_iter().map(|parcel| async move {
                            let packed = parcel.result().await;
                            (order, packed.map_err(|failure| anyhow!("order {number}: {failure}")))
                        }));
                    }
                },
                else => break,
            }
        }
        if !self.pallet.is_empty() {
            self.load().await?;
        }
        Ok(self.ledger)
    }

    /// Gives its place in the ledger. An order may have no parcel.
    async fn open(&mut self, order: OrderTaken, guard: OrderGuard) -> anyhow::Result<usize> {
        show_if_packed(&order);
        let place = self.open.len();
        self.open.push((order.articles, guard));
        self.ledger.orders.push(order);
        self.store_if_loaded(place).await?;
        Ok(place)
    }

    async fn add(&mut self, order: usize, packed: Packed) -> anyhow::Result<()> {
        let taken = &mut self.ledger.orders[order];
        taken.workers.push(packed.worker);
        show_if_packed(taken);
        self.pallet.push((order, packed.parcel));
        if self.pallet.len() == self.room {
            self.load().await?;
        }
        Ok(())
    }

    /// Sends the pallet on its way, as one message.
    async fn load(&mut self) -> anyhow::Result<()> {
        let (orders, parcels): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.pallet).into_iter().unzip();
        let links: Vec<_> = parcels.iter().map(Job::link).collect();
        let tracer = global::tracer("worker-pool");
        // A trace of its own: which of its parcels' could it be a part of?
        let span = tracer
            .span_builder("load pallet")
            .with_links(links.iter().flatten().cloned().collect())
            .start_with_context(&tracer, &Context::new());
        let context = Context::new().with_span(span);
        let trace_id = context.span().span_context().trace_id();
        let payload = serde_json::to_vec(&Pallet {
            parcels: parcels.iter().map(Job::payload).collect(),
        })?;
        let position = self.send(&payload).with_context(context).await?;

        let parcels = parcels.into_iter().map(Job::into_payload);
        let pallet = PalletLoaded {
            trace_id,
            position,
            parcels: parcels.zip(links).collect(),
        };
        say(&shown(&pallet));
        self.ledger.pallets.push(pallet);
        // Not before: what is stored does not come again.
        for order in orders {
            self.open[order].0 -= 1;
            self.store_if_loaded(order).await?;
        }
        Ok(())
    }

    async fn send(&self, payload: &[u8]) -> anyhow::Result<Position> {
        let topic = &self.topics.pallets;
        let record: FutureRecord<'_, (), _> = FutureRecord::to(topic).payload(payload);
        let sent = self.producer.send(record, ANSWER).await;
        let sent = sent.map_err(|(error, _)| self.topics.failure(topic, error))?;
        Ok(Position {
            partition: sent.partition,
            offset: sent.offset,
        })
    }

    /// Stores the offset of an order whose parcels are all on their way; the consumer commits it.
    async fn store_if_loaded(&self, order: usize) -> anyhow::Result<()> {
        let (0, guard) = &self.open[order] else {
            return Ok(());
        };
        let stored = {
            // Below the order's handling, which has ended.
            let handling = self.ledger.orders[order].handling.clone();
            let _handling = Context::new().with_remote_span_context(handling).attach();
            guard.ack()
        };
        self.done(stored.await)
    }

    fn done(&self, stored: KafkaResult<()>) -> anyhow::Result<()> {
        match stored {
            // The partition is another consumer's now, which does its orders again.
            Ok(()) | Err(KafkaError::StoreOffset(RDKafkaErrorCode::State)) => Ok(()),
            Err(error) => Err(self.topics.failure(&self.topics.orders, error)),
        }
    }
}

fn show_if_packed(order: &OrderTaken) {
    if order.workers.len() < order.articles {
        return;
    }
    let workers: Vec<_> = order.workers.iter().map(ToString::to_string).collect();
    let trace_id = order.handling.trace_id();
    let workers = workers.join(" ");
    say(&format!(
        "order {}, trace {trace_id}, packed by {workers}\n",
        order.number
    ));
}

fn shown(pallet: &PalletLoaded) -> String {
    let orders: BTreeSet<_> = pallet
        .parcels
        .iter()
        .map(|(parcel, _)| parcel.order)
        .collect();
    let orders: Vec<_> = orders.iter().map(ToString::to_string).collect();
    let mut shown = format!(
        "pallet {}, trace {}, of the orders {}, linked to\n",
        pallet.position.offset,
        pallet.trace_id,
        orders.join(" "),
    );
    for (Parcel { order, article }, link) in &pallet.parcels {
        let link = link.as_ref().map(|link| &link.span_context);
        let link = link.map(|span| format!("{}-{}", span.trace_id(), span.span_id()));
        let link = link.unwrap_or_default();
        // Writing to a string cannot fail.
        let _ = writeln!(shown, "    {link}: {} of order {order}", one_line(article));
    }
    shown
}
