//! The consumer's loop: it takes orders, and hands out their articles.

use crate::ledger::{OrderTaken, Position};
use crate::order::{Article, Order};
use crate::packing::{Packed, Packers};
use crate::stop::Stop;
use crate::topics::{ANSWER, Topics};
use anyhow::anyhow;
use examples::address::one_line;
use examples::pool::Receipt;
use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, TraceContextExt};
use otel_messaging_rdkafka::consumer::Guard;
use otel_messaging_rdkafka::{
    InjectingProducer, Kafka, Offsets, Received, Settler, SettlingContext, extract,
};
use rdkafka::Message;
use rdkafka::consumer::{CommitMode, Consumer, StreamConsumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::BorrowedMessage;
use rdkafka::producer::FutureProducer;
use std::collections::BTreeSet;
use std::io::Write;
use tokio::sync::mpsc;

/// Stores the offset of an order, once all orders before it are done. If it is dropped before, Kafka
/// delivers the order again.
pub(crate) type OrderGuard = Guard<Kafka, Settler>;

/// An order whose articles are with the workers.
pub(crate) struct InWork {
    pub(crate) order: OrderTaken,
    pub(crate) parcels: Vec<Receipt<Packed>>,
}

/// What a message has turned out to be.
pub(crate) enum Taken {
    Order(Box<InWork>),
    /// No order: it is put aside, and nothing of it is to be packed.
    Rejected,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// There are no more orders.
    Reached,
    /// A signal came before.
    Signalled,
}

pub(crate) struct Orders<'a> {
    pub(crate) topics: &'a Topics,
    pub(crate) consumer: &'a StreamConsumer<SettlingContext>,
    pub(crate) offsets: &'a Offsets,
    pub(crate) producer: &'a InjectingProducer<FutureProducer>,
    pub(crate) packers: &'a Packers,
}

impl Orders<'_> {
    /// Takes orders until there are no more, or `stop` says so. The order in hand is always handed
    /// out to its last article.
    pub(crate) async fn take(
        &self,
        stop: &mut Stop,
        taken: mpsc::Sender<(Taken, OrderGuard)>,
    ) -> anyhow::Result<End> {
        let mut ended = BTreeSet::new();
        loop {
            let received = tokio::select! {
                biased;
                () = stop.requested() => return Ok(End::Signalled),
                received = self.consumer.recv() => received,
            };
            let message = match received {
                Ok(message) => message,
                Err(KafkaError::PartitionEOF(partition)) => {
                    ended.insert(partition);
                    let ours = self.consumer.assignment()?;
                    let mut ours = ours.elements().into_iter();
                    if ours.all(|ours| ended.contains(&ours.partition())) {
                        return Ok(End::Reached);
                    }
                    continue;
                }
                Err(error @ KafkaError::MessageConsumptionFatal(_)) => {
                    return Err(self.topics.failure(&self.topics.orders, error));
                }
                // librdkafka goes on by itself.
                Err(_) => continue,
            };
            ended.remove(&message.partition());

            let guard = self.offsets.guard(&message);
            let consumer = self.offsets.consumer();
            let order = consumer
                .try_with_message_context(&message, |order| self.hand_out(order))
                .on_error(|error| self.reject(&message, error))
                .await?;
            if taken.send((order, guard)).await.is_err() {
                // Whoever is at the other end says why.
                return Ok(End::Signalled);
            }
        }
    }

    /// The handler. It waits while the workers are busy, and the loop with it.
    async fn hand_out(&self, message: &BorrowedMessage<'_>) -> anyhow::Result<Taken> {
        let order = Order::from_json(message.payload().unwrap_or_default())?;
        let number = order.number;
        let mut parcels = Vec::new();
        for name in order.articles {
            let article = Article {
                order: number,
                name,
            };
            parcels.push(self.packers.submit(article).await);
        }
        Ok(Taken::Order(Box::new(InWork {
            order: OrderTaken {
                number,
                position: position(message),
                sender: sender(message),
                handling: Context::current().span().span_context().clone(),
                articles: parcels.len(),
                workers: Vec::new(),
            },
            parcels,
        })))
    }

    /// Puts aside what is no order, so that the others do not wait for it for ever. The span of this
    /// sending is in the message's trace, below that of its handling.
    async fn reject(
        &self,
        message: &BorrowedMessage<'_>,
        error: anyhow::Error,
    ) -> anyhow::Result<Taken> {
        let rejected = &self.topics.rejected;
        let letter = self.producer.dead_letter(message, &error, rejected, ANSWER);
        let sent = letter.await;
        sent.map_err(|(error, _)| self.topics.failure(rejected, error))?;
        let _ = writeln!(
            std::io::stderr(),
            "worker-pool: {}, offset {}: {}; it is in {rejected} now",
            self.topics.orders,
            message.offset(),
            one_line(error),
        );
        Ok(Taken::Rejected)
    }
}

fn position(message: &impl Message) -> Position {
    Position {
        partition: message.partition(),
        offset: message.offset(),
    }
}

fn sender(message: &BorrowedMessage<'_>) -> SpanContext {
    let headers = message.message_headers();
    let context = headers.map(extract).unwrap_or_default();
    context.span().span_context().clone()
}

/// Commits what is stored, and leaves the group. `offsets` have the consumer.
pub(crate) async fn leave(topics: &Topics, offsets: Offsets) -> anyhow::Result<()> {
    let leaving = tokio::task::spawn_blocking(move || {
        match offsets.commit(CommitMode::Sync) {
            // There was nothing to be stored.
            Err(KafkaError::ConsumerCommit(RDKafkaErrorCode::NoOffset)) => Ok(()),
            committed => committed,
        }
    });
    let left = tokio::time::timeout(ANSWER, leaving).await;
    left.map_err(|_| anyhow!("no answer within {} s", ANSWER.as_secs()))
        .and_then(|left| Ok(left??))
        .map_err(|error| topics.failure(&topics.orders, format!("not committed: {error}")))
}
