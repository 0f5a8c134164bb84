//! RabbitMQ, which the gateway and billing use.

use crate::address::Address;
use crate::names::Names;
use crate::service::until_it_works;
use backon::Retryable;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Connection, ConnectionProperties};
use otel_messaging_lapin::{InjectingProducer, PublisherConfirm};
use std::time::Duration;
use tokio::time::timeout;

/// How long RabbitMQ may take to answer.
const ANSWER: Duration = Duration::from_secs(8);

/// RabbitMQ sends a message back that no queue takes. See [`RabbitMq::arrived`].
pub(crate) fn mandatory() -> BasicPublishOptions {
    BasicPublishOptions {
        mandatory: true,
        ..Default::default()
    }
}

/// A connection with one channel, whose publishes wait for the broker's answer.
pub(crate) struct RabbitMq {
    pub(crate) connection: Connection,
    pub(crate) channel: Channel,
    pub(crate) producer: InjectingProducer<Channel>,
}

impl RabbitMq {
    /// Connects, and declares the queues.
    pub(crate) async fn connect(address: &Address, names: &Names) -> anyhow::Result<Self> {
        let connecting = Self::open(address, names);
        let answered = timeout(ANSWER, connecting).await;
        let connected = answered.map_err(|_| address.failure("RabbitMQ", "no answer"))?;
        connected.map_err(|error| address.failure("RabbitMQ", error))
    }

    /// Connects, and tries it again until it works.
    pub(crate) async fn reconnect(address: &Address, names: &Names) -> anyhow::Result<Self> {
        (|| Self::connect(address, names))
            .retry(until_it_works())
            .await
    }

    async fn open(address: &Address, names: &Names) -> lapin::Result<Self> {
        let properties = ConnectionProperties::default();
        let connection = Connection::connect(address.reveal(), properties).await?;
        let channel = connection.create_channel().await?;
        let options = ConfirmSelectOptions::default();
        channel.confirm_select(options).await?;
        for queue in [&names.orders, &names.orders_failed] {
            let (options, arguments) = (QueueDeclareOptions::durable(), FieldTable::default());
            channel
                .queue_declare(queue.as_str().into(), options, arguments)
                .await?;
        }
        let producer = InjectingProducer::new(channel.clone()).with_connection(&connection);
        Ok(Self {
            connection,
            channel,
            producer,
        })
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.connection.status().connected() && self.channel.status().connected()
    }

    /// Whether a publish has arrived in a queue.
    pub(crate) async fn arrived(confirm: PublisherConfirm) -> anyhow::Result<()> {
        let confirm = timeout(ANSWER, confirm).await??;
        // A mandatory message that no queue took comes back, and is confirmed.
        let has_arrived = confirm.is_ack() && confirm.take_message().is_none();
        anyhow::ensure!(has_arrived, "RabbitMQ has not taken the message");
        Ok(())
    }
}
