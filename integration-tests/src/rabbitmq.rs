//! RabbitMQ through lapin.

use crate::batching::{SendsBatches, within};
use crate::client::{Client, HeaderList, address, in_time, unique};
use crate::onward::SendsOn;
use crate::private::{PrivateBroker, Server};
use crate::spans::Spans;
use futures_util::StreamExt;
use futures_util::future::join_all;
use lapin::message::Delivery;
use lapin::options::{
    BasicConsumeOptions, BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions,
};
use lapin::protocol::{AMQPErrorKind, AMQPSoftError};
use lapin::types::{AMQPValue, FieldTable, LongString, ShortString};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties, Consumer, ErrorKind};
use opentelemetry::Context;
use otel_messaging::Instrumentation;
use otel_messaging_lapin::{InjectingProducer, Lapin, PublisherConfirm};
use std::collections::BTreeMap;
use std::fmt;

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

    /// A channel of a test's own, without confirms.
    pub async fn open_channel(&self) -> Channel {
        let opened = self.connection.create_channel().await;
        opened.expect("a channel")
    }

    /// A producer on the channel with confirms.
    pub fn producer(&self, spans: &Spans) -> InjectingProducer<Channel> {
        self.producer_by(&spans.instrumentation)
    }

    /// Another exclusive queue, which no other test uses.
    pub async fn declare_queue(&self, arguments: FieldTable) -> ShortString {
        let queue = ShortString::from(unique("queue"));
        let options = QueueDeclareOptions {
            exclusive: true,
            ..Default::default()
        };
        let declared = self
            .channel
            .queue_declare(queue.clone(), options, arguments);
        declared.await.expect("a queue");
        queue
    }

    /// Consumes a queue, on the channel with confirms; what comes has to be settled.
    pub async fn consume(&self, queue: &ShortString) -> Consumer {
        consume(&self.channel, queue).await
    }

    /// Publishes through the adapter, to any exchange, and waits for the confirm.
    async fn publish(
        &self,
        by: Option<&Instrumentation>,
        exchange: &str,
        properties: BasicProperties,
    ) -> Result<(), String> {
        let producer = match by {
            Some(by) => self.producer_by(by),
            None => InjectingProducer::new(self.channel.clone()),
        };
        let (options, queue) = (BasicPublishOptions::default(), self.queue.clone());
        let confirm = producer.basic_publish(exchange.into(), queue, options, b"order", properties);
        confirmed(confirm).await
    }

    fn producer_by(&self, by: &Instrumentation) -> InjectingProducer<Channel> {
        InjectingProducer::new(self.channel.clone()).with_instrumentation(by.clone())
    }
}

impl Client for RabbitMq {
    type Marker = Lapin;
    type Message = Delivery;

    const OPERATION: &'static str = "publish";
    const FAILURE: &'static str = "NOT_FOUND";

    /// The channel has confirms on, and consumes its queue.
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

    async fn receive(&mut self) -> Delivery {
        next(&mut self.consumer).await
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

impl SendsOn for RabbitMq {
    async fn forward(&self, by: &Instrumentation, message: &Delivery) -> Result<(), String> {
        let producer = self.producer_by(by);
        let options = BasicPublishOptions::default();
        let confirm = producer.forward(message, "".into(), self.queue.clone(), options);
        confirmed(confirm).await
    }

    async fn republish(&self, by: &Instrumentation, message: &Delivery) -> Result<(), String> {
        let producer = self.producer_by(by);
        let options = BasicPublishOptions::default();
        let confirm = producer.republish(message, "".into(), self.queue.clone(), options);
        confirmed(confirm).await
    }

    async fn dead_letter(
        &self,
        by: &Instrumentation,
        message: &Delivery,
        error: &dyn fmt::Display,
    ) -> Result<(), String> {
        let producer = self.producer_by(by);
        let options = BasicPublishOptions::default();
        let queue = self.queue.clone();
        let confirm = producer.dead_letter(message, error, "".into(), queue, options);
        confirmed(confirm).await
    }
}

impl SendsBatches for RabbitMq {
    async fn send_batch(&self, by: &Instrumentation, contexts: &[Context], in_vain: bool) {
        let batch = self.producer_by(by).batch();
        let publish = |exchange: String| {
            let (options, queue) = (BasicPublishOptions::default(), self.queue.clone());
            let properties = BasicProperties::default();
            batch.basic_publish(exchange.into(), queue, options, b"order", properties)
        };
        let sent = contexts
            .iter()
            .map(|it| within(it, || publish(String::new())));
        for sent in join_all(sent.map(confirmed)).await {
            sent.expect("the broker takes the message");
        }
        if in_vain {
            let refused = confirmed(publish(unique("no-such-exchange"))).await;
            refused.expect_err("there is no such exchange");
        }
    }
}

/// A broker of a test's own with a durable queue that is there again whenever the broker is killed
/// and starts again.
///
/// RabbitMQ 3.10 may confirm messages of a queue that it has declared but not yet written down;
/// killed then, it forgets the queue and them. A queue that was there after one kill is written.
///
/// # Panics
///
/// When the broker forgets the queue each time.
pub async fn broker_with_queue(queue: &str) -> PrivateBroker {
    let mut broker = PrivateBroker::start(Server::RabbitMq).await;
    for _ in 0..5 {
        let declared = declare_durable(&broker, queue, false).await;
        declared.expect("a queue");
        broker.kill().await;
        broker.restart().await;
        match declare_durable(&broker, queue, true).await {
            Ok(()) => return broker,
            Err(error) => {
                let ErrorKind::ProtocolError(error) = error.kind() else {
                    panic!("{error}");
                };
                let not_found = AMQPErrorKind::Soft(AMQPSoftError::NOTFOUND);
                assert_eq!(error.kind(), &not_found, "{error}");
            }
        }
    }
    panic!("the broker forgets {queue} whenever it is killed");
}

async fn declare_durable(broker: &PrivateBroker, queue: &str, passive: bool) -> lapin::Result<()> {
    let connecting = Connection::connect(broker.url(), ConnectionProperties::default());
    let connection = in_time("connect", connecting).await?;
    let channel = connection.create_channel().await?;
    let options = QueueDeclareOptions {
        passive,
        durable: true,
        ..Default::default()
    };
    let declared = channel.queue_declare(queue.into(), options, FieldTable::default());
    in_time("a queue", declared).await?;
    Ok(())
}

/// Consumes a queue on any channel; what comes has to be settled.
pub async fn consume(channel: &Channel, queue: &ShortString) -> Consumer {
    let options = BasicConsumeOptions::default();
    let consumer = channel.basic_consume(queue.clone(), "".into(), options, FieldTable::default());
    consumer.await.expect("a consumer")
}

/// The next delivery of a consumer.
pub async fn next(consumer: &mut Consumer) -> Delivery {
    let next = in_time("a delivery", consumer.next()).await;
    next.expect("the consumer goes on").expect("a delivery")
}

async fn confirmed(
    publish: impl Future<Output = lapin::Result<PublisherConfirm>>,
) -> Result<(), String> {
    let confirm = publish.await.map_err(|error| error.to_string())?;
    let confirmation = confirm.await.map_err(|error| error.to_string())?;
    assert!(confirmation.is_ack(), "{confirmation:?}");
    Ok(())
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
