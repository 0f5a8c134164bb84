//! Knows the addresses of the customers, as a service of NATS.

use crate::nats;
use crate::service::Service;
use async_nats::client::PublishError;
use async_nats::service::{ServiceExt, error};
use futures_util::StreamExt;
use otel_messaging_async_nats::{InjectingProducer, InjectingRequest, try_with_message_context};

/// Why there is no address.
#[derive(Debug, thiserror::Error)]
enum CustomerError {
    #[error("no customer {0}")]
    Unknown(String),
    #[error("NATS: {0}")]
    Answer(#[from] PublishError),
}

pub(crate) async fn run(service: Service) -> anyhow::Result<()> {
    let names = &service.brokers.names;
    let client = nats::connect(&service.brokers.nats).await?;
    let building = client.service_builder().start(&names.customers, "1.0.0");
    let answering = building.await.map_err(anyhow::Error::from_boxed)?;
    let requests = answering.endpoint(names.customers.clone()).await;
    let requests = requests.map_err(anyhow::Error::from_boxed)?;
    service.ready();
    let producer = InjectingProducer::new(client.clone());
    let requests = requests.take_until(service.stop.cancelled());
    let handling = requests.for_each_concurrent(None, async |request| {
        let request = producer.injecting_request(request);
        let answered =
            try_with_message_context(&request, answer).on_error(|error| refuse(&request, error));
        if let Err(error) = answered.await {
            tracing::warn!("no answer: {error}");
        }
    });
    handling.await;
    anyhow::ensure!(service.stop.is_cancelled(), "no more requests");
    client.flush().await?;
    Ok(())
}

async fn answer(request: &InjectingRequest) -> Result<(), CustomerError> {
    let customer = String::from_utf8_lossy(&request.message().payload);
    let address = match &*customer {
        "ada" | "grace" | "edsger" => format!("{customer}@customers.example"),
        _ => return Err(CustomerError::Unknown(customer.into_owned())),
    };
    request.respond(Ok(address.into())).await?;
    Ok(())
}

async fn refuse(request: &InjectingRequest, error: CustomerError) -> Result<(), PublishError> {
    tracing::warn!("{error}");
    let error = error::Error {
        code: match error {
            CustomerError::Unknown(_) => 404,
            CustomerError::Answer(_) => 500,
        },
        // A line break in it would panic in async-nats.
        status: error.to_string().replace(char::is_control, " "),
    };
    request.respond(Err(error)).await
}
