//! What the balance needs of a broker beside what every test needs.

use async_nats::jetstream::{self, AckKind};
use futures_util::StreamExt;
use integration_tests::client::{Client, HeaderList, PATIENCE, in_time, unique};
use integration_tests::kafka::Kafka;
use integration_tests::nats::JetStream;
use integration_tests::rabbitmq;
use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicNackOptions, BasicPublishOptions};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Confirmation, Consumer};
use otel_messaging::Instrumentation;
use otel_messaging_lapin::{InjectingProducer, Lapin};
use otel_messaging_rdkafka::InjectingProducer as KafkaProducer;
use rdkafka::consumer::Consumer as _;
use rdkafka::message::OwnedMessage;
use rdkafka::producer::FutureRecord;
use rdkafka::{Message, Offset};

/// A broker that delivers a message again.
pub(crate) trait Redelivers: Client {
    /// Of how many messages that are to come again one does. Kafka delivers everything behind it again.
    const ONE_AGAIN_OF: usize;

    /// Calls the adapter, and drops the future before it is polled.
    fn send_and_drop(&self, by: &Instrumentation);

    /// Sends what fails, as many times as one likes on one connection.
    async fn fail(&self, by: &Instrumentation) -> Result<(), String>;

    /// Settles a delivery, or has the broker deliver it again.
    async fn settle(&self, message: &Self::Message, is_again: bool);
}

/// RabbitMQ with acknowledgements.
pub(crate) struct RabbitMq {
    inner: rabbitmq::RabbitMq,
    consumer: Consumer,
}

impl RabbitMq {
    fn producer(&self, by: &Instrumentation) -> InjectingProducer<Channel> {
        InjectingProducer::new(self.inner.channel.clone()).with_instrumentation(by.clone())
    }
}

impl Client for RabbitMq {
    type Marker = Lapin;
    type Message = Delivery;

    const OPERATION: &'static str = rabbitmq::RabbitMq::OPERATION;
    const FAILURE: &'static str = rabbitmq::RabbitMq::FAILURE;

    async fn connect() -> Self {
        let mut inner = rabbitmq::RabbitMq::connect().await;
        inner.queue = inner.declare_queue(FieldTable::default()).await;
        let consumer = inner.consume(&inner.queue).await;
        Self { inner, consumer }
    }

    fn destination(&self) -> String {
        self.inner.destination()
    }

    async fn send(
        &self,
        by: Option<&Instrumentation>,
        headers: &[(&str, &str)],
    ) -> Result<(), String> {
        self.inner.send(by, headers).await
    }

    async fn send_plain(&self, headers: &[(&str, &str)]) {
        self.inner.send_plain(headers).await;
    }

    async fn send_in_vain(&self, by: Option<&Instrumentation>) -> Result<(), String> {
        self.inner.send_in_vain(by).await
    }

    async fn send_on(
        &self,
        by: Option<&Instrumentation>,
        message: &Delivery,
    ) -> Result<(), String> {
        self.inner.send_on(by, message).await
    }

    async fn receive(&mut self) -> Delivery {
        let next = in_time("a delivery", self.consumer.next()).await;
        next.expect("the consumer goes on").expect("a delivery")
    }

    fn headers(message: &Delivery) -> HeaderList {
        rabbitmq::RabbitMq::headers(message)
    }
}

impl Redelivers for RabbitMq {
    const ONE_AGAIN_OF: usize = 1;

    fn send_and_drop(&self, by: &Instrumentation) {
        let (options, properties) = (BasicPublishOptions::default(), BasicProperties::default());
        let queue = self.inner.queue.clone();
        drop(
            self.producer(by)
                .basic_publish("".into(), queue, options, b"order", properties),
        );
    }

    async fn fail(&self, by: &Instrumentation) -> Result<(), String> {
        let options = BasicPublishOptions {
            mandatory: true,
            ..Default::default()
        };
        let nowhere = unique("no-such-queue").into();
        let properties = BasicProperties::default();
        let producer = self.producer(by);
        let confirm = producer.basic_publish("".into(), nowhere, options, b"order", properties);
        let confirm = confirm.await.expect("the channel takes it");
        match confirm.await.expect("an answer") {
            Confirmation::Ack(Some(_)) => Err("it came back".to_owned()),
            _ => Ok(()),
        }
    }

    async fn settle(&self, message: &Delivery, is_again: bool) {
        let settled = if is_again {
            let options = BasicNackOptions {
                requeue: true,
                ..Default::default()
            };
            message.nack(options).await
        } else {
            message.ack(BasicAckOptions::default()).await
        };
        settled.expect("the channel takes it");
    }
}

impl Redelivers for Kafka {
    const ONE_AGAIN_OF: usize = 33;

    fn send_and_drop(&self, by: &Instrumentation) {
        let topic = self.topic();
        let producer = KafkaProducer::new(topic.producer.clone()).with_instrumentation(by.clone());
        let record = FutureRecord::to(&topic.name).key("7").payload("order");
        drop(producer.send(record, PATIENCE));
    }

    async fn fail(&self, by: &Instrumentation) -> Result<(), String> {
        self.send_in_vain(Some(by)).await
    }

    async fn settle(&self, message: &OwnedMessage, is_again: bool) {
        if is_again {
            let offset = Offset::Offset(message.offset());
            let consumer = &self.topic().consumer;
            let sought = consumer.seek(message.topic(), message.partition(), offset, PATIENCE);
            sought.expect("the partition");
        }
    }
}

impl Redelivers for JetStream {
    const ONE_AGAIN_OF: usize = 1;

    fn send_and_drop(&self, by: &Instrumentation) {
        let producer = self.injecting(by);
        drop(producer.publish(self.subject.clone(), "order".into()));
    }

    async fn fail(&self, by: &Instrumentation) -> Result<(), String> {
        self.send_in_vain(Some(by)).await
    }

    async fn settle(&self, message: &jetstream::Message, is_again: bool) {
        let kind = if is_again {
            AckKind::Nak(None)
        } else {
            AckKind::Ack
        };
        message.ack_with(kind).await.expect("the client takes it");
    }
}
