//! Kafka through rdkafka: real brokers, and the cluster embedded in librdkafka.

use crate::client::{Client, HeaderList, PATIENCE, address, in_time, unique};
use otel_messaging::Instrumentation;
use otel_messaging_rdkafka::{InjectingProducer, Kafka as Marker};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{Consumer, StreamConsumer};
use rdkafka::message::{Header, Headers, OwnedHeaders, OwnedMessage};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{DefaultProducerContext, FutureProducer, FutureRecord};
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};

/// A topic of one partition on real brokers.
pub struct Kafka(Topic);

/// A topic of one partition on the cluster embedded in librdkafka.
pub struct EmbeddedKafka {
    topic: Topic,
    cluster: MockCluster<'static, DefaultProducerContext>,
}

/// A topic, its producer and its consumer.
pub struct Topic {
    /// The topic's name.
    pub name: String,
    /// The plain producer.
    pub producer: FutureProducer,
    /// Reads the topic's one partition from its beginning.
    pub consumer: StreamConsumer,
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

impl Topic {
    fn connect(brokers: &str, name: String) -> Self {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", brokers);
        let producer = config.create().expect("a producer");
        config.set("group.id", &name);
        let consumer: StreamConsumer = config.create().expect("a consumer");
        let mut partitions = TopicPartitionList::new();
        partitions
            .add_partition_offset(&name, 0, Offset::Beginning)
            .expect("a partition");
        consumer.assign(&partitions).expect("the partition");
        Self {
            name,
            producer,
            consumer,
        }
    }

    async fn send(
        &self,
        by: Option<&Instrumentation>,
        headers: Option<OwnedHeaders>,
        partition: Option<i32>,
    ) -> Result<(), String> {
        let mut producer = InjectingProducer::new(self.producer.clone());
        if let Some(by) = by {
            producer = producer.with_instrumentation(by.clone());
        }
        let mut record = FutureRecord::to(&self.name).key("7").payload("order");
        record.headers = headers;
        record.partition = partition;
        let delivery = producer.send(record, PATIENCE).await;
        delivery.map_err(|(error, _)| error.to_string())?;
        Ok(())
    }

    async fn send_plain(&self, headers: &[(&str, &str)]) {
        let mut record = FutureRecord::to(&self.name).key("7").payload("order");
        record.headers = with_headers(headers);
        let delivery = self.producer.send(record, PATIENCE).await;
        delivery.expect("the broker takes the record");
    }

    /// Receives as a service does that hands its messages on.
    ///
    /// Calls: `StreamConsumer::recv`, `BorrowedMessage::detach`.
    async fn receive(&self) -> OwnedMessage {
        let next = in_time("a message", self.consumer.recv()).await;
        next.expect("a message").detach()
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
    };
}

client_of_a_topic!(Kafka, 0, async {
    let brokers = address("KAFKA_BROKERS");
    let name = unique("orders");
    let admin: AdminClient<DefaultClientContext> = ClientConfig::new()
        .set("bootstrap.servers", &brokers)
        .create()
        .expect("an admin client");
    let topic = NewTopic::new(&name, 1, TopicReplication::Fixed(1));
    let options = AdminOptions::new().request_timeout(Some(PATIENCE));
    let created = admin
        .create_topics([&topic], &options)
        .await
        .unwrap_or_else(|error| panic!("Kafka at KAFKA_BROKERS {brokers}: {error}"));
    for result in created {
        result.unwrap_or_else(|(topic, code)| panic!("topic {topic}: {code}"));
    }
    Kafka(Topic::connect(&brokers, name))
});

client_of_a_topic!(EmbeddedKafka, topic, async {
    let cluster = MockCluster::new(1).expect("an embedded cluster");
    let name = unique("orders");
    cluster.create_topic(&name, 1, 1).expect("a topic");
    EmbeddedKafka {
        topic: Topic::connect(&cluster.bootstrap_servers(), name),
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
