//! RabbitMQ through lapin.

use crate::client::{Client, HeaderList, address, in_time, unique};
use futures_util::StreamExt;
use lapin::message::Delivery;
use lapin::options::{
    BasicConsumeOptions, BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable, LongString, ShortString};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties, Consumer};
use otel_messaging::Instrumentation;
use otel_messaging_lapin::{InjectingProducer, Lapin};
use std::collections::BTreeMap;

/// A connection with one exclusive queue, published to through the default exchange with confirms.
pub struct RabbitMq {
    /// Confirms are on.
    pub channel: Channel,
    /// The queue's name.
    pub queue: ShortString,
    consumer: Consumer,
    connection: Connection,
}

impl RabbitMq {
    /// The connection, for channels of a test's own.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Publishes through the adapter, to any exchange, and waits for the confirm.
    async fn publish(
        &self,
        by: Option<&Instrumentation>,
        exchange: &str,
        properties: BasicProperties,
    ) -> Result<(), String> {
        let mut producer = InjectingProducer::new(self.channel.clone());
        if let Some(by) = by {
            producer = producer.with_instrumentation(by.clone());
        }
        let options = BasicPublishOptions::default();
        let queue = self.queue.clone();
        let confirm = producer
            .basic_publish(exchange.into(), queue, options, b"order", properties)
            .await
            .map_err(|error| error.to_string())?;
        let confirmation = confirm.await.map_err(|error| error.to_string())?;
        assert!(confirmation.is_ack(), "{confirmation:?}");
        Ok(())
    }
}

impl Client for RabbitMq {
    type Marker = Lapin;
    type Message = Delivery;

    const OPERATION: &'static str = "publish";
    const FAILURE: &'static str = "NOT_FOUND";

    /// The channel has confirms on, and consumes its queue.
    ///
    /// Calls: `Channel::confirm_select`, `Channel::basic_consume`.
    async fn connect() -> Self {
        let url = address("AMQP_URL");
        let properties = ConnectionProperties::default();
        let connection = in_time("connect", Connection::connect(&url, properties))
            .await
            .unwrap_or_else(|error| panic!("RabbitMQ at AMQP_URL: {error}"));
        let channel = connection.create_channel().await.expect("a channel");
        let confirms = ConfirmSelectOptions::default();
        channel.confirm_select(confirms).await.expect("confirms");
        let queue = ShortString::from(unique("orders"));
        let options = QueueDeclareOptions {
            exclusive: true,
            ..Default::default()
        };
        channel
            .queue_declare(queue.clone(), options, FieldTable::default())
            .await
            .expect("a queue");
        let options = BasicConsumeOptions {
            no_ack: true,
            ..Default::default()
        };
        let consumer = channel
            .basic_consume(queue.clone(), "".into(), options, FieldTable::default())
            .await
            .expect("a consumer");
        Self {
            channel,
            queue,
            consumer,
            connection,
        }
    }

    fn destination(&self) -> String {
        self.queue.to_string()
    }

    async fn send(
        &self,
        by: Option<&Instrumentation>,
        headers: &[(&str, &str)],
    ) -> Result<(), String> {
        self.publish(by, "", with_headers(headers)).await
    }

    async fn send_plain(&self, headers: &[(&str, &str)]) {
        let options = BasicPublishOptions::default();
        let properties = with_headers(headers);
        let queue = self.queue.clone();
        self.channel
            .basic_publish("".into(), queue, options, b"order", properties)
            .await
            .expect("the channel takes the message")
            .await
            .expect("the broker takes the message");
    }

    async fn send_in_vain(&self, by: Option<&Instrumentation>) -> Result<(), String> {
        self.publish(by, &unique("no-such-exchange"), BasicProperties::default())
            .await
    }

    async fn send_on(
        &self,
        by: Option<&Instrumentation>,
        message: &Delivery,
    ) -> Result<(), String> {
        self.publish(by, "", message.properties.clone()).await
    }

    /// Calls: `Consumer: Stream`.
    async fn receive(&mut self) -> Delivery {
        let next = in_time("a delivery", self.consumer.next()).await;
        next.expect("the consumer goes on").expect("a delivery")
    }

    fn headers(message: &Delivery) -> HeaderList {
        let Some(headers) = message.properties.headers() else {
            return HeaderList::new();
        };
        let headers = headers.inner().iter();
        headers
            .map(|(name, value)| match value {
                AMQPValue::LongString(text) => (name.to_string(), text.to_string()),
                other => panic!("{name} is no long string but {other:?}"),
            })
            .collect()
    }
}

fn with_headers(headers: &[(&str, &str)]) -> BasicProperties {
    if headers.is_empty() {
        return BasicProperties::default();
    }
    let table: BTreeMap<_, _> = headers
        .iter()
        .map(|(name, value)| {
            let value = AMQPValue::LongString(LongString::from(*value));
            (ShortString::from(*name), value)
        })
        .collect();
    BasicProperties::default().with_headers(FieldTable::from(table))
}
