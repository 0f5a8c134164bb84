//! Sends a mail for each parcel from JetStream. The customers' service knows the address, a thread writes
//! the text, and a pool of workers sends it.

use crate::mailer::{MailError, Mailer};
use crate::nats;
use crate::order::{Mail, Parcel};
use crate::service::{Service, until_it_works};
use async_nats::Client;
use async_nats::client::RequestError;
use async_nats::jetstream::consumer::pull;
use async_nats::jetstream::{self, Message};
use async_nats::service::{NATS_SERVICE_ERROR, NATS_SERVICE_ERROR_CODE};
use backon::Retryable;
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
    Unknown(String),
    #[error("the customers' service: {0}")]
    Customers(String),
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
    let jetstream = jetstream::new(client.clone());
    nats::stream(&jetstream, names).await?;
    service.ready();
    let stream = InjectingProducer::new(jetstream.clone());
    let notifier = Notifier {
        client: InjectingProducer::new(client.clone()),
        mailer: Mailer::start(stream.clone(), names.mails.clone()),
        stream,
        service,
    };
    (|| notifier.consume(&jetstream))
        .retry(until_it_works())
        .notify(|error, _| tracing::warn!("asking JetStream again: {error}"))
        .await?;
    // Acknowledgements are only handed to the client.
    client.flush().await?;
    Ok(())
}

impl Notifier {
    /// Handles parcels until the service is to end. Then ends those that it has.
    async fn consume(&self, jetstream: &jetstream::Context) -> anyhow::Result<()> {
        let (stop, names) = (&self.service.stop, &self.service.brokers.names);
        let config = pull::Config {
            durable_name: Some("notifier".to_owned()),
            filter_subject: names.parcels.clone(),
            ..Default::default()
        };
        // Also if somebody has deleted it.
        let stream = nats::stream(jetstream, names).await?;
        let consumer = stream.get_or_create_consumer("notifier", config).await?;
        // No more than are handled: a parcel that waits for long is delivered again.
        let messages = consumer.stream().max_messages_per_batch(AT_ONCE);
        messages
            .messages()
            .await?
            .take_until(stop.cancelled())
            .map_err(anyhow::Error::from)
            .try_for_each_concurrent(AT_ONCE, async |message| self.settle(&message).await)
            .await?;
        anyhow::ensure!(stop.is_cancelled(), "no more messages");
        Ok(())
    }

    async fn settle(&self, message: &Message) -> anyhow::Result<()> {
        let notified = with_settlement(message, |message| self.notify(message))
            .on_error(|error| self.put_aside(message, error))
            .or(Settlement::Nak(Some(Duration::from_secs(1))));
        if let Err(error) = notified.await.map_err(anyhow::Error::from_boxed)? {
            tracing::warn!("a parcel comes again: {error}");
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
        let said = |name| headers.get(name).map(ToString::to_string);
        match (
            said(NATS_SERVICE_ERROR_CODE).as_deref(),
            said(NATS_SERVICE_ERROR),
        ) {
            (None, _) => Ok(String::from_utf8_lossy(&reply.payload).into_owned()),
            (Some("404"), error) => Err(NotifierError::Unknown(error.unwrap_or_default())),
            (Some(_), error) => Err(NotifierError::Customers(error.unwrap_or_default())),
        }
    }

    /// Puts a parcel aside of which nobody can be notified. All others come again.
    async fn put_aside(&self, message: &Message, error: NotifierError) -> anyhow::Result<()> {
        use NotifierError::{Malformed, Text, Unknown};
        anyhow::ensure!(matches!(error, Malformed(_) | Text(_) | Unknown(_)), error);
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
