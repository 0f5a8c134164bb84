//! Packs a parcel for each invoice from Kafka, in batches, and publishes it to JetStream.

use crate::kafka::{ANSWER, Kafka};
use crate::nats;
use crate::order::{Invoice, Parcel};
use crate::service::{Service, until_it_works};
use async_nats::jetstream;
use async_nats::jetstream::context::PublishError;
use backon::Retryable;
use futures_util::{StreamExt, TryStreamExt};
use otel_messaging_async_nats::InjectingProducer as NatsProducer;
use otel_messaging_rdkafka::consumer::{Collected, collect};
use otel_messaging_rdkafka::{InjectingProducer, Offsets, Registered};
use rdkafka::Message;
use rdkafka::consumer::{CommitMode, Consumer};
use rdkafka::message::BorrowedMessage;
use rdkafka::producer::FutureProducer;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

/// How many invoices a batch has at most, and how long it is collected.
const BATCH: (usize, Duration) = (100, Duration::from_millis(50));

/// Why an invoice has no parcel.
#[derive(Debug, thiserror::Error)]
enum ShippingError {
    #[error("not an invoice: {0}")]
    Malformed(serde_json::Error),
    #[error("not written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    #[error("JetStream: {0}")]
    JetStream(#[from] PublishError),
}

struct Shipping {
    service: Service,
    kafka: InjectingProducer<FutureProducer>,
    stream: NatsProducer<jetstream::Context>,
    offsets: Offsets,
}

pub(crate) async fn run(service: Service) -> anyhow::Result<()> {
    let (brokers, names) = (&service.brokers, &service.brokers.names);
    let kafka = Kafka::connect(&brokers.kafka, names).await?;
    let consumer = Arc::new(kafka.consumer(&names.shipping)?);
    consumer.subscribe(&[&names.invoices])?;
    let stream = jetstream::new(nats::connect(&brokers.nats).await?);
    nats::stream(&stream, names).await?;
    let shipping = Shipping {
        kafka: InjectingProducer::new(kafka.producer("shipping")?),
        stream: NatsProducer::new(stream),
        offsets: Offsets::new(Arc::clone(&consumer))?,
        service,
    };
    shipping.service.ready();

    let messages = consumer.stream();
    let messages = messages.map_ok(|message| shipping.offsets.register(message));
    let mut messages = pin!(messages.take_until(shipping.service.stop.cancelled()));
    let mut batch = Vec::new();
    loop {
        let (most, time) = BATCH;
        let collected = collect(&mut batch, &mut messages, most, sleep(time)).await;
        shipping.ship_all(&batch).await?;
        batch.clear();
        match collected {
            Ok(Collected::End) => return Ok(()),
            Ok(_) => {}
            // librdkafka connects again by itself.
            Err(error) => tracing::warn!("Kafka: {error}"),
        }
    }
}

impl Shipping {
    /// Handles a batch, each invoice in its own trace.
    ///
    /// If a letter cannot be sent, the service ends. What it had not handled is read again when it starts.
    async fn ship_all(&self, batch: &[Registered<BorrowedMessage<'_>>]) -> anyhow::Result<()> {
        let consumer = self.offsets.consumer();
        let shipped = consumer.with_batch_settlement(batch, async |batch| {
            for invoice in batch {
                let message = *invoice.message();
                let shipped = invoice
                    .with_settlement(|message| self.ship(message))
                    .on_error(|error| self.put_aside(message, error));
                match shipped.await {
                    Ok(handled) => handled?,
                    Err(error) => tracing::warn!("an invoice is read again: {error}"),
                }
            }
            self.offsets.commit(CommitMode::Async)?;
            anyhow::Ok(())
        });
        match shipped.await {
            Ok(handled) => handled,
            // A partition was revoked: whoever has it now reads its invoices again.
            Err(error) => {
                tracing::warn!("invoices are read again: {error}");
                Ok(())
            }
        }
    }

    async fn ship(&self, message: &BorrowedMessage<'_>) -> Result<(), ShippingError> {
        let invoice: Invoice = serde_json::from_slice(message.payload().unwrap_or_default())
            .map_err(ShippingError::Malformed)?;
        let parcel = Parcel {
            order: invoice.order,
            customer: invoice.customer,
            invoice: invoice.number,
        };
        (|| self.publish(&parcel))
            .retry(until_it_works())
            .when(|error| matches!(error, ShippingError::JetStream(_)))
            .notify(|error, _| tracing::warn!("shipping tries again: {error}"))
            .await?;
        tracing::info!(order = %parcel.order, "parcel packed");
        Ok(())
    }

    async fn publish(&self, parcel: &Parcel) -> Result<(), ShippingError> {
        let subject = self.service.brokers.names.parcels.clone();
        let parcel = serde_json::to_vec(parcel)?;
        self.stream.publish(subject, parcel.into()).await?.await?;
        Ok(())
    }

    /// Puts an invoice aside that would fail each time.
    async fn put_aside(
        &self,
        message: &BorrowedMessage<'_>,
        error: ShippingError,
    ) -> anyhow::Result<()> {
        tracing::error!("invoice put aside: {error}");
        let topic = &self.service.brokers.names.invoices_failed;
        let sent = self.kafka.dead_letter(message, &error, topic, ANSWER).await;
        sent.map_err(|(error, _message)| error)?;
        Ok(())
    }
}
