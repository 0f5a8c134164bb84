//! Kafka through rdkafka: real brokers, and the cluster embedded in librdkafka.

mod queue;
mod topic;

use crate::batching::{SendsBatches, within};
use crate::client::{Client, HeaderList, PATIENCE, unique};
use crate::onward::SendsOn;
use futures_util::future::join_all;
use opentelemetry::Context;
use otel_messaging::Instrumentation;
use otel_messaging_rdkafka::Kafka as Marker;
use rdkafka::message::{Header, Headers, OwnedHeaders, OwnedMessage};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::future_producer::OwnedDeliveryResult;
use rdkafka::producer::{DefaultProducerContext, FutureProducer, FutureRecord};
use rdkafka::{ClientConfig, Message};
use std::fmt;

pub use queue::{Answer, Answers, BaseKafka, EnqueuingKafka, ThreadedKafka};
pub use topic::Topic;

/// A topic of one partition on real brokers.
pub struct Kafka(Topic);

/// A topic of one partition on the cluster embedded in librdkafka.
pub struct EmbeddedKafka {
    topic: Topic,
    cluster: MockCluster<'static, DefaultProducerContext>,
}

impl Kafka {
    /// The topic.
    pub fn topic(&self) -> &Topic {
        &self.0
    }
}

impl EmbeddedKafka {
    /// The topic.
    pub fn topic(&self) -> &Topic {
        &self.topic
    }

    /// A producer that asks for no acknowledgements.
    pub fn unacknowledged(&self) -> FutureProducer {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.cluster.bootstrap_servers());
        config.set("acks", "0").create().expect("a producer")
    }
}

/// Both send and receive alike; they differ in how the topic comes to be.
macro_rules! client_of_a_topic {
    ($client:ty, $topic:tt, $connect:expr) => {
        impl Client for $client {
            type Marker = Marker;
            type Message = OwnedMessage;

            const OPERATION: &'static str = "send";
            const FAILURE: &'static str = "_UNKNOWN_PARTITION";

            async fn connect() -> Self {
                $connect.await
            }

            fn destination(&self) -> String {
                self.$topic.name.clone()
            }

            async fn send(
                &self,
                by: Option<&Instrumentation>,
                headers: &[(&str, &str)],
            ) -> Result<(), String> {
                self.$topic.send(by, with_headers(headers), None).await
            }

            async fn send_plain(&self, headers: &[(&str, &str)]) {
                self.$topic.send_plain(headers).await;
            }

            async fn send_in_vain(&self, by: Option<&Instrumentation>) -> Result<(), String> {
                self.$topic.send(by, None, Some(42)).await
            }

            async fn send_on(
                &self,
                by: Option<&Instrumentation>,
                message: &OwnedMessage,
            ) -> Result<(), String> {
                self.$topic.send(by, message.headers().cloned(), None).await
            }

            async fn receive(&mut self) -> OwnedMessage {
                self.$topic.receive().await
            }

            fn headers(message: &OwnedMessage) -> HeaderList {
                text_headers(message)
            }
        }

        impl SendsBatches for $client {
            async fn send_batch(&self, by: &Instrumentation, contexts: &[Context], in_vain: bool) {
                let topic = &self.$topic;
                let batch = topic.producer(by).batch();
                let record = || FutureRecord::to(&topic.name).key("7").payload("order");
                let sent = contexts
                    .iter()
                    .map(|it| within(it, || batch.send(record(), PATIENCE)));
                for sent in join_all(sent).await {
                    text_of(sent).expect("the broker takes the record");
                }
                if in_vain {
                    let refused = batch.send(record().partition(42), PATIENCE).await;
                    refused.expect_err("there is no such partition");
                }
            }
        }

        impl SendsOn for $client {
            async fn forward(
                &self,
                by: &Instrumentation,
                message: &OwnedMessage,
            ) -> Result<(), String> {
                let topic = &self.$topic;
                let sent = topic
                    .producer(by)
                    .forward(message, &topic.name, PATIENCE)
                    .await;
                text_of(sent)
            }

            async fn republish(
                &self,
                by: &Instrumentation,
                message: &OwnedMessage,
            ) -> Result<(), String> {
                let topic = &self.$topic;
                let sent = topic
                    .producer(by)
                    .republish(message, &topic.name, PATIENCE)
                    .await;
                text_of(sent)
            }

            async fn dead_letter(
                &self,
                by: &Instrumentation,
                message: &OwnedMessage,
                error: &dyn fmt::Display,
            ) -> Result<(), String> {
                let (topic, producer) = (&self.$topic, self.$topic.producer(by));
                let sent = producer
                    .dead_letter(message, error, &topic.name, PATIENCE)
                    .await;
                text_of(sent)
            }
        }
    };
}

client_of_a_topic!(Kafka, 0, async { Kafka(Topic::on_brokers(1).await) });

client_of_a_topic!(EmbeddedKafka, topic, async {
    let cluster = MockCluster::new(1).expect("an embedded cluster");
    let name = unique("orders");
    cluster.create_topic(&name, 1, 1).expect("a topic");
    EmbeddedKafka {
        topic: Topic::connect(&cluster.bootstrap_servers(), name, 1),
        cluster,
    }
});

/// The headers of a record, all of which have to be text.
pub fn text_headers(message: &impl Message) -> HeaderList {
    let headers = message.headers().map(Headers::iter);
    headers
        .into_iter()
        .flatten()
        .map(|header| {
            let value = header.value.expect("a value").to_vec();
            (
                header.key.to_owned(),
                String::from_utf8(value).expect("text"),
            )
        })
        .collect()
}

fn text_of(delivery: OwnedDeliveryResult) -> Result<(), String> {
    delivery.map_err(|(error, _)| error.to_string())?;
    Ok(())
}

fn with_headers(headers: &[(&str, &str)]) -> Option<OwnedHeaders> {
    if headers.is_empty() {
        return None;
    }
    let all = headers
        .iter()
        .fold(OwnedHeaders::new(), |all, (key, value)| {
            all.insert(Header {
                key,
                value: Some(*value),
            })
        });
    Some(all)
}
