//! The consumer: writes an invoice per order, in the trace of the request, and one only.

use crate::complain;
use crate::kafka::Kafka;
use crate::order::Order;
use crate::relay::ID;
use crate::stop::{self, Point};
use crate::store::{self, Store};
use crate::telemetry::tell;
use anyhow::Context;
use opentelemetry::propagation::Extractor;
use otel_messaging_rdkafka::propagation::CarrierExtractor;
use otel_messaging_rdkafka::try_with_message_context;
use rdkafka::Message;
use rdkafka::consumer::{CommitMode, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::BorrowedMessage;

/// Handles messages for ever, or so many.
pub(crate) async fn run(
    store: &Store,
    kafka: &Kafka,
    topic: &str,
    group: &str,
    messages: Option<u64>,
    stop_at: Option<Point>,
) -> anyhow::Result<()> {
    let consumer = kafka.consumer(group)?;
    consumer.subscribe(&[topic])?;
    let mut handled = 0;
    while messages != Some(handled) {
        let message = match consumer.recv().await {
            Ok(message) => message,
            Err(error @ KafkaError::MessageConsumptionFatal(_)) => {
                return Err(kafka.failure(&error));
            }
            // librdkafka goes on by itself, as when a broker is back.
            Err(error) => {
                complain(kafka.failure(&error));
                continue;
            }
        };
        // The one line. With an error the offset stays, and the message comes again.
        let outcome = try_with_message_context(&message, |message| handle(store, message)).await;
        store.named(outcome)?;
        stop::at(Point::Invoiced, stop_at).await;
        if let Err(error) = consumer.commit_message(&message, CommitMode::Sync) {
            complain(kafka.failure(&error)); // it comes again, and is known by then
        }
        handled += 1;
    }
    Ok(())
}

async fn handle(store: &Store, message: &BorrowedMessage<'_>) -> anyhow::Result<()> {
    let (id, order) = match read(message) {
        Ok(read) => read,
        Err(error) => {
            // It will not be better next time.
            complain(format_args!(
                "message {} is left out: {error}",
                message.offset()
            ));
            return Ok(());
        }
    };
    let mut transaction = store.begin().await?;
    // In the transaction of what it guards, or a crash between the two would lose or double it.
    if !store::mark_handled(&mut transaction, id).await? {
        tell("consume", &format!("row {id} was seen before"));
        return Ok(());
    }
    store::insert_invoice(&mut transaction, &order).await?;
    transaction.commit().await?;
    tell(
        "consume",
        &format!("order {} invoiced, row {id}", order.number),
    );
    Ok(())
}

/// The number of the row in the outbox, and the order.
fn read(message: &BorrowedMessage<'_>) -> anyhow::Result<(i64, Order)> {
    let headers = message.headers().context("it has no headers")?;
    // Not by rdkafka's own reading, which panics on names that are not UTF-8.
    let id = CarrierExtractor::new(headers).get(ID).map(str::parse);
    let id = id.with_context(|| format!("it has no header {ID}"))??;
    let order = serde_json::from_slice(message.payload().unwrap_or_default());
    Ok((id, order.context("it is no order")?))
}
