//! A hop over RabbitMQ, with lapin.

use crate::hop::{ConsumerClient, Headers, Hop, ProducerClient, headers_of};
use crate::order::Order;
use crate::service::Service;
use anyhow::ensure;
use examples::address::Address;
use futures_util::StreamExt;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, ConfirmSelectOptions,
    QueueDeclareOptions,
};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Confirmation, Connection, ConnectionProperties};
use otel_messaging::Instrumentation;
use otel_messaging_lapin::InjectingProducer;

pub(crate) struct RabbitMq {
    connection: Connection,
    /// The channels of the hop's two ends. lapin closes a channel in the background when its last
    /// clone is dropped, and an end of the connection just then often fails: these outlive it.
    producer: Channel,
    consumer: Channel,
}

impl RabbitMq {
    pub(crate) async fn connect(address: &Address) -> anyhow::Result<Self> {
        let properties = ConnectionProperties::default().with_connection_name("pipeline".into());
        let connection = Connection::connect(address.reveal(), properties).await?;
        Ok(Self {
            producer: connection.create_channel().await?,
            consumer: connection.create_channel().await?,
            connection,
        })
    }

    /// Declares the hop's queue and opens both its ends.
    pub(crate) async fn ends(
        &self,
        hop: &Hop,
        from: &Service,
        to: &Service,
    ) -> anyhow::Result<(ProducerClient, ConsumerClient)> {
        let (producer, consumer) = (self.producer.clone(), self.consumer.clone());
        producer
            .confirm_select(ConfirmSelectOptions::default())
            .await?;

        let queue = hop.destination.as_str();
        let options = QueueDeclareOptions::exclusive().auto_delete();
        consumer
            .queue_declare(queue.into(), options, FieldTable::default())
            .await?;
        let options = BasicConsumeOptions::default();
        let deliveries = consumer
            .basic_consume(queue.into(), to.name.into(), options, FieldTable::default())
            .await?;
        hop.ready.notify_one();

        let instrumentation = from.instrumentation.clone();
        let producer = Producer {
            channel: InjectingProducer::new(producer).with_instrumentation(instrumentation),
        };
        let consumer = Consumer {
            deliveries,
            instrumentation: to.instrumentation.clone(),
        };
        Ok((
            ProducerClient::RabbitMq(producer),
            ConsumerClient::RabbitMq(consumer),
        ))
    }

    /// The queue goes with the connection.
    pub(crate) async fn close(self) -> lapin::Result<()> {
        self.connection.close(200, "done".into()).await
    }
}

pub(crate) struct Producer {
    channel: InjectingProducer<Channel>,
}

impl Producer {
    pub(crate) async fn send(&self, hop: &Hop, order: &Order) -> anyhow::Result<()> {
        let payload = order.to_json()?;
        let options = BasicPublishOptions::default();
        let properties = BasicProperties::default().with_content_type("application/json".into());
        let queue = hop.destination.as_str();
        let confirm = self
            .channel
            .basic_publish("".into(), queue.into(), options, &payload, properties)
            .await?;
        let confirmation = confirm.await?;
        ensure!(
            matches!(confirmation, Confirmation::Ack(None)),
            "the broker refused the order"
        );
        Ok(())
    }
}

pub(crate) struct Consumer {
    deliveries: lapin::Consumer,
    instrumentation: Instrumentation,
}

impl Consumer {
    pub(crate) async fn receive(
        &mut self,
        hop: &Hop,
        handle: impl AsyncFnOnce(Order) -> anyhow::Result<()>,
    ) -> anyhow::Result<Headers> {
        let delivery = hop.arrived(self.deliveries.next()).await?;
        let headers = headers_of(&delivery);
        self.instrumentation
            .try_with_message_context(&delivery, async |delivery| {
                handle(Order::from_json(&delivery.data)?).await?;
                delivery.ack(BasicAckOptions::default()).await?;
                anyhow::Ok(())
            })
            .await?;
        Ok(headers)
    }
}
