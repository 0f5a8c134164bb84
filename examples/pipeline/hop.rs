//! One hop: from a service to the next, through whichever broker.

use crate::order::Order;
use crate::{kafka, nats, rabbitmq};
use anyhow::{Context, anyhow};
use otel_messaging::Received;
use otel_messaging::adapter::Carrier;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout, timeout_at};

/// The three hops, named for what they carry.
pub(crate) struct Route {
    pub(crate) orders: Ends,
    pub(crate) invoices: Ends,
    pub(crate) parcels: Ends,
}

/// A hop and its two ends.
pub(crate) struct Ends {
    pub(crate) hop: Arc<Hop>,
    pub(crate) producer: Producer,
    pub(crate) consumer: Consumer,
}

impl Route {
    /// Stops the consumers and the producers. Nothing is left to be flushed: each message was
    /// waited for.
    pub(crate) async fn close(self) {
        // Some clients block when they are dropped, and longer when their broker is gone.
        let stopping = tokio::task::spawn_blocking(move || drop(self));
        let _ = timeout(CLOSE, stopping).await;
    }
}

/// How long the clients may take to stop.
const CLOSE: Duration = Duration::from_secs(2);

pub(crate) struct Hop {
    pub(crate) number: u8,
    pub(crate) from: &'static str,
    pub(crate) to: &'static str,
    /// With its address, as it may be shown.
    pub(crate) broker: String,
    /// The name of the queue, topic or subject.
    pub(crate) destination: String,
    /// Notified when the consumer is ready to be sent something.
    pub(crate) ready: Arc<Notify>,
    /// When the whole run has to be over.
    pub(crate) deadline: Instant,
}

impl Hop {
    /// Waits for the consumer to have joined, so that the trace shows no joining.
    pub(crate) async fn joined(&self) -> anyhow::Result<()> {
        let joined = timeout_at(self.deadline, self.ready.notified()).await;
        joined.map_err(|_| anyhow!("{self}: {} could not join in time", self.to))
    }

    async fn sent(&self, sending: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
        let sent = timeout_at(self.deadline, sending).await;
        sent.map_err(|_| anyhow!("the order was not taken in time"))
            .and_then(|sent| sent)
            .map_err(|error| anyhow!("{self}: {error:#}"))
    }

    /// Waits for a message, for as long as there is time.
    pub(crate) async fn arrived<T, E>(
        &self,
        message: impl Future<Output = Option<Result<T, E>>>,
    ) -> anyhow::Result<T>
    where
        E: std::error::Error + Send + Sync + 'static,
    {
        let arrived = timeout_at(self.deadline, message).await;
        arrived
            .map_err(|_| anyhow!("{self}: {} got nothing in time", self.to))?
            .with_context(|| format!("{self}: the consumer of {} was stopped", self.to))?
            .map_err(|error| anyhow!("{self}: {error}"))
    }
}

impl std::fmt::Display for Hop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Hop {
            number, from, to, ..
        } = self;
        write!(f, "hop {number}, {from} to {to}, over {}", self.broker)
    }
}

/// The end that sends.
pub(crate) struct Producer {
    pub(crate) hop: Arc<Hop>,
    pub(crate) client: ProducerClient,
}

pub(crate) enum ProducerClient {
    RabbitMq(rabbitmq::Producer),
    Kafka(kafka::Producer),
    Nats(nats::Producer),
}

impl Producer {
    /// Sends the order with the context that is current, and waits for the broker's answer.
    pub(crate) async fn send(&self, order: &Order) -> anyhow::Result<()> {
        let sending = async {
            match &self.client {
                ProducerClient::RabbitMq(producer) => producer.send(&self.hop, order).await,
                ProducerClient::Kafka(producer) => producer.send(&self.hop, order).await,
                ProducerClient::Nats(producer) => producer.send(&self.hop, order).await,
            }
        };
        self.hop.sent(sending).await
    }
}

/// The end that receives.
pub(crate) struct Consumer {
    pub(crate) hop: Arc<Hop>,
    pub(crate) client: ConsumerClient,
}

pub(crate) enum ConsumerClient {
    RabbitMq(rabbitmq::Consumer),
    Kafka(kafka::Consumer),
    Nats(Box<nats::Consumer>),
}

impl Consumer {
    /// Waits for one order and handles it in the context that its message carries.
    pub(crate) async fn receive(
        &mut self,
        handle: impl AsyncFnOnce(Order) -> anyhow::Result<()>,
    ) -> anyhow::Result<Arrival> {
        let headers = match &mut self.client {
            ConsumerClient::RabbitMq(consumer) => consumer.receive(&self.hop, handle).await?,
            ConsumerClient::Kafka(consumer) => consumer.receive(&self.hop, handle).await?,
            ConsumerClient::Nats(consumer) => consumer.receive(&self.hop, handle).await?,
        };
        Ok(Arrival {
            hop: self.hop.clone(),
            headers,
        })
    }
}

/// A message that has arrived, to be shown.
pub(crate) struct Arrival {
    pub(crate) hop: Arc<Hop>,
    pub(crate) headers: Headers,
}

/// Name and value, as the consumer's client gave them out.
pub(crate) type Headers = Vec<(String, String)>;

/// The headers of a message that nobody has touched yet.
pub(crate) fn headers_of<C>(message: &impl Received<C>) -> Headers {
    let Some(headers) = message.message_headers() else {
        return Headers::new();
    };
    headers
        .keys()
        .flat_map(|name| {
            headers
                .get_all(name)
                .map(|value| (name.to_owned(), value.to_owned()))
        })
        .collect()
}
