//! Sends a mail for each parcel from JetStream. The customers' service knows the address, a thread writes
//! the text, and a pool of workers sends it.

use crate::mailer::{MailError, Mailer};
use crate::nats;
use crate::order::{Mail, Parcel};
use crate::service::Service;
use async_nats::Client;
use async_nats::client::RequestError;
use async_nats::jetstream::consumer::{PullConsumer, pull};
use async_nats::jetstream::{self, Message};
use async_nats::service::NATS_SERVICE_ERROR;
use backon::{ExponentialBuilder, Retryable};
use futures_util::{StreamExt, TryStreamExt};
use otel_messaging_async_nats::{
    InjectingProducer, Settlement, closure_in_context, with_settlement,
};
use std::time::Duration;
use tokio::task::{JoinError, spawn_blocking};

/// How many parcels are handled at once.
const AT_ONCE: usize = 8;

/// Why nobody was notified.
#[derive(Debug, thiserror::Error)]
enum NotifierError {
    #[error("not a parcel: {0}")]
    Malformed(#[from] serde_json::Error),
    #[error("the customers' service: {0}")]
    Customer(String),
    #[error("the customers' service: {0}")]
    Request(#[from] RequestError),
    #[error("the text: {0}")]
    Text(#[from] JoinError),
    #[error("the mail: {0}")]
    Mail(#[from] MailError),
}

struct Notifier {
    service: Service,
    client: InjectingProducer<Client>,
    stream: InjectingProducer<jetstream::Context>,
    mailer: Mailer,
}

pub(crate) async fn run(service: Service) -> anyhow::Result<()> {
    let names = &service.brokers.names;
    let client = nats::connect(&service.brokers.nats).await?;
    let stream = jetstream::new(client.clone());
    let config = pull::Config {
        durable_name: Some("notifier".to_owned()),
        filter_subject: names.parcels.clone(),
        ..Default::default()
    };
    let shop = nats::stream(&stream, names).await?;
    let consumer = shop.get_or_create_consumer("notifier", config).await?;
    tracing::info!("ready");
    let stream = InjectingProducer::new(stream);
    let notifier = Notifier {
        client: InjectingProducer::new(client.clone()),
        mailer: Mailer::start(stream.clone(), names.mails.clone()),
        stream,
        service,
    };
    let waits = ExponentialBuilder::default().with_max_delay(Duration::from_secs(5));
    (|| notifier.consume(&consumer))
        .retry(waits.without_max_times())
        .notify(|error, _| tracing::warn!("asking JetStream again: {error:#}"))
        .await?;
    // Acknowledgements are only handed to the client.
    client.flush().await?;
    Ok(())
}

impl Notifier {
    /// Handles parcels until the service is to end. Then ends those that it has.
    async fn consume(&self, consumer: &PullConsumer) -> anyhow::Result<()> {
        let messages = consumer.messages().await?;
        messages
            .take_until(self.service.stop.cancelled())
            .map_err(anyhow::Error::from)
            .try_for_each_concurrent(AT_ONCE, async |message| self.settle(&message).await)
            .await
    }

    async fn settle(&self, message: &Message) -> anyhow::Result<()> {
        let notified = with_settlement(message, |message| self.notify(message))
            .on_error(|error| self.put_aside(message, error))
            .or(Settlement::Nak(Some(Duration::from_secs(1))));
        if let Err(error) = notified.await.map_err(anyhow::Error::from_boxed)? {
            tracing::warn!("the parcel comes again: {error:#}");
        }
        Ok(())
    }

    async fn notify(&self, message: &Message) -> Result<(), NotifierError> {
        let parcel: Parcel = serde_json::from_slice(&message.payload)?;
        let to = self.address_of(&parcel.customer).await?;
        let order = parcel.order;
        let text = spawn_blocking(closure_in_context(move || text_for(&parcel))).await?;
        self.mailer.send(Mail { order, to, text }).await?;
        Ok(())
    }

    async fn address_of(&self, customer: &str) -> Result<String, NotifierError> {
        let service = self.service.brokers.names.customers.clone();
        let request = customer.to_owned().into();
        let reply = self.client.request(service, request).await?;
        let headers = reply.headers.unwrap_or_default();
        match headers.get(NATS_SERVICE_ERROR) {
            Some(error) => Err(NotifierError::Customer(error.to_string())),
            None => Ok(String::from_utf8_lossy(&reply.payload).into_owned()),
        }
    }

    /// Puts a parcel aside of which nobody can be notified. All others come again.
    async fn put_aside(&self, message: &Message, error: NotifierError) -> anyhow::Result<()> {
        use NotifierError::{Customer, Malformed};
        anyhow::ensure!(matches!(error, Malformed(_) | Customer(_)), error);
        tracing::error!("parcel put aside: {error}");
        let subject = self.service.brokers.names.parcels_failed.clone();
        let letter = self.stream.dead_letter(message, &error, subject).await?;
        letter.await?;
        Ok(())
    }
}

/// Takes the time of a processor, so it is not for a task.
fn text_for(parcel: &Parcel) -> String {
    tracing::info!(order = %parcel.order, "writing the text");
    let Parcel {
        order,
        customer,
        invoice,
    } = parcel;
    format!("Dear {customer}, your order {order} is on its way. The invoice is number {invoice}.")
}
