//! Writes an invoice for each order from RabbitMQ, and sends it to Kafka.

use crate::invoices::Invoices;
use crate::kafka::{ANSWER, Kafka};
use crate::order::{Invoice, Order};
use crate::rabbitmq::{self, RabbitMq};
use crate::service::Service;
use backon::{ExponentialBuilder, Retryable};
use futures_util::{StreamExt, TryStreamExt};
use lapin::message::Delivery;
use lapin::options::{BasicConsumeOptions, BasicQosOptions};
use lapin::types::FieldTable;
use otel_messaging_lapin::{Settlement, with_settlement};
use otel_messaging_rdkafka::InjectingProducer;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{FutureProducer, FutureRecord};
use std::path::Path;

/// How many orders are handled at once.
const AT_ONCE: u16 = 16;

/// Why an order has no invoice.
#[derive(Debug, thiserror::Error)]
enum BillingError {
    #[error("not an order: {0}")]
    Malformed(serde_json::Error),
    #[error("an order of {0} cents cannot be paid")]
    Amount(i64),
    #[error("the database: {0}")]
    Database(#[from] sqlx::Error),
    #[error("not written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    #[error("Kafka: {0}")]
    Kafka(#[from] KafkaError),
}

impl BillingError {
    /// Whether the order would fail each time.
    fn is_final(&self) -> bool {
        match self {
            Self::Malformed(_) | Self::Amount(_) | Self::Json(_) => true,
            Self::Kafka(error) => {
                let refused = error.rdkafka_error_code();
                refused == Some(RDKafkaErrorCode::MessageSizeTooLarge)
            }
            Self::Database(_) => false,
        }
    }
}

struct Billing {
    service: Service,
    invoices: Invoices,
    kafka: InjectingProducer<FutureProducer>,
}

pub(crate) async fn run(service: Service, database: &Path) -> anyhow::Result<()> {
    let brokers = &service.brokers;
    let invoices = Invoices::open(database).await?;
    let kafka = Kafka::connect(&brokers.kafka, &brokers.names).await?;
    let mut rabbitmq = RabbitMq::connect(&brokers.amqp, &brokers.names).await?;
    service.ready();
    let billing = Billing {
        invoices,
        kafka: InjectingProducer::new(kafka.producer("billing")?),
        service,
    };
    let brokers = &billing.service.brokers;
    while let Err(error) = billing.consume(&rabbitmq).await {
        tracing::warn!("connecting to RabbitMQ again: {error}");
        rabbitmq = RabbitMq::reconnect(&brokers.amqp, &brokers.names).await?;
    }
    // What was delivered and not acknowledged goes back to the queue.
    rabbitmq.connection.close(200, "done".into()).await?;
    Ok(())
}

impl Billing {
    /// Handles orders until the service is to end. Then ends those that it has.
    async fn consume(&self, rabbitmq: &RabbitMq) -> anyhow::Result<()> {
        let channel = &rabbitmq.channel;
        let options = BasicQosOptions::default();
        channel.basic_qos(AT_ONCE, options).await?;
        let queue = self.service.brokers.names.orders.as_str().into();
        let (options, arguments) = (BasicConsumeOptions::default(), FieldTable::default());
        let deliveries = channel
            .basic_consume(queue, "billing".into(), options, arguments)
            .await?;
        deliveries
            .take_until(self.service.stop.cancelled())
            .try_for_each_concurrent(usize::from(AT_ONCE), async |delivery| {
                self.settle(rabbitmq, &delivery).await
            })
            .await?;
        // As when the queue was deleted.
        anyhow::ensure!(self.service.stop.is_cancelled(), "no more deliveries");
        Ok(())
    }

    async fn settle(&self, rabbitmq: &RabbitMq, delivery: &Delivery) -> lapin::Result<()> {
        let billed = with_settlement(delivery, |delivery| self.bill(delivery))
            .on_error(|error| self.put_aside(rabbitmq, delivery, error))
            .or(Settlement::Requeue);
        if let Err(error) = billed.await? {
            tracing::warn!("an order comes again: {error}");
        }
        Ok(())
    }

    async fn bill(&self, delivery: &Delivery) -> Result<(), BillingError> {
        let order = serde_json::from_slice(&delivery.data).map_err(BillingError::Malformed)?;
        // A requeued order comes back at once, so wait here.
        (|| self.try_to_bill(&order))
            .retry(ExponentialBuilder::default())
            .when(|error| !error.is_final())
            .notify(|error, _| tracing::warn!("billing tries again: {error}"))
            .await
    }

    async fn try_to_bill(&self, order: &Order) -> Result<(), BillingError> {
        if order.amount <= 0 {
            return Err(BillingError::Amount(order.amount));
        }
        let invoice = self.invoices.write(order).await?;
        self.send(&invoice).await?;
        tracing::info!(order = %order.id, invoice = invoice.number, "invoice sent");
        Ok(())
    }

    async fn send(&self, invoice: &Invoice) -> Result<(), BillingError> {
        let (key, payload) = (invoice.order.to_string(), serde_json::to_vec(invoice)?);
        let topic = &self.service.brokers.names.invoices;
        let record = FutureRecord::to(topic).key(&key).payload(&payload);
        let sent = self.kafka.send(record, ANSWER).await;
        sent.map_err(|(error, _record)| error)?;
        Ok(())
    }

    /// Puts an order aside that would fail each time. All others go back to the queue.
    async fn put_aside(
        &self,
        rabbitmq: &RabbitMq,
        delivery: &Delivery,
        error: BillingError,
    ) -> anyhow::Result<()> {
        anyhow::ensure!(error.is_final(), error);
        tracing::error!("order put aside: {error}");
        let queue = self.service.brokers.names.orders_failed.as_str().into();
        let options = rabbitmq::mandatory();
        let producer = &rabbitmq.producer;
        let letter = producer.dead_letter(delivery, &error, "".into(), queue, options);
        RabbitMq::arrived(letter.await?).await
    }
}
