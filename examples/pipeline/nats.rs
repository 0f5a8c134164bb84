//! A hop over NATS JetStream, with async-nats.

use crate::hop::{ConsumerClient, Headers, Hop, ProducerClient, headers_of};
use crate::order::Order;
use crate::service::Service;
use anyhow::anyhow;
use async_nats::ConnectOptions;
use async_nats::jetstream::consumer::pull;
use async_nats::jetstream::stream::{self, StorageType};
use async_nats::jetstream::{self, Context};
use examples::address::Address;
use futures_util::StreamExt;
use otel_messaging::Instrumentation;
use otel_messaging_async_nats::InjectingProducer;
use std::time::Duration;

pub(crate) struct Nats {
    jetstream: Context,
}

impl Nats {
    pub(crate) async fn connect(address: &Address) -> anyhow::Result<Self> {
        let options = ConnectOptions::new().name("pipeline");
        let client = options.connect(address.reveal()).await?;
        Ok(Self {
            jetstream: jetstream::new(client),
        })
    }

    /// Creates the hop's stream and opens both its ends.
    pub(crate) async fn ends(
        &self,
        hop: &Hop,
        from: &Service,
        to: &Service,
    ) -> anyhow::Result<(ProducerClient, ConsumerClient)> {
        let stream = self
            .jetstream
            .create_stream(stream::Config {
                name: hop.destination.clone(),
                subjects: vec![hop.destination.clone()],
                storage: StorageType::Memory,
                // In case this program does not live to delete it.
                max_age: Duration::from_secs(60),
                ..Default::default()
            })
            .await?;
        let consumer = stream.create_consumer(pull::Config::default()).await?;
        let messages = consumer.messages().await?;
        hop.ready.notify_one();

        let instrumentation = from.instrumentation.clone();
        let producer = Producer {
            jetstream: InjectingProducer::new(self.jetstream.clone())
                .with_instrumentation(instrumentation),
        };
        let consumer = Consumer {
            messages,
            instrumentation: to.instrumentation.clone(),
        };
        Ok((
            ProducerClient::Nats(producer),
            ConsumerClient::Nats(Box::new(consumer)),
        ))
    }

    pub(crate) async fn close(self, destination: &str) {
        let _ = self.jetstream.delete_stream(destination).await;
        let _ = self.jetstream.client().drain().await;
    }
}

pub(crate) struct Producer {
    jetstream: InjectingProducer<Context>,
}

impl Producer {
    pub(crate) async fn send(&self, hop: &Hop, order: &Order) -> anyhow::Result<()> {
        let payload = order.to_json()?;
        let subject = hop.destination.clone();
        let stored = self.jetstream.publish(subject, payload.into()).await?;
        stored.await?;
        Ok(())
    }
}

pub(crate) struct Consumer {
    messages: pull::Stream,
    instrumentation: Instrumentation,
}

impl Consumer {
    pub(crate) async fn receive(
        &mut self,
        hop: &Hop,
        handle: impl AsyncFnOnce(Order) -> anyhow::Result<()>,
    ) -> anyhow::Result<Headers> {
        let message = hop.arrived(self.messages.next()).await?;
        let headers = headers_of(&message);
        self.instrumentation
            .try_with_message_context(&message, async |message| {
                handle(Order::from_json(&message.payload)?).await?;
                message.ack().await.map_err(|error| anyhow!(error))
            })
            .await?;
        Ok(headers)
    }
}
