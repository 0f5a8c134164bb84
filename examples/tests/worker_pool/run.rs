//! A run on a real Kafka: its topics, the orders in them, and what is on its pallets.

use crate::printed::Printed;
use crate::started::Started;
use crate::{PATIENCE, program, text};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Header, Headers, OwnedHeaders, OwnedMessage};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::env;
use std::process::{Command, Output};
use std::time::{Instant, SystemTime};

pub(crate) const ORDERS: u32 = 60;
pub(crate) const ARTICLES: [&str; 3] = ["tea", "pot", "cup"];

/// What is on the pallets, with how often it is there.
pub(crate) type Loaded = BTreeMap<(u32, String), usize>;

/// A run with topics of its own, and orders that this test has placed.
pub(crate) struct Run {
    brokers: String,
    pub(crate) name: String,
    producer: FutureProducer,
}

impl Run {
    pub(crate) async fn with_orders(what: &str) -> Self {
        let since = SystemTime::UNIX_EPOCH.elapsed().expect("a clock");
        let brokers = env::var("KAFKA_BROKERS").expect("KAFKA_BROKERS is not set");
        let run = Self {
            producer: config(&brokers).create().expect("a client"),
            brokers,
            name: format!("{what}-{:x}", since.as_nanos()),
        };
        let admin: AdminClient<DefaultClientContext> =
            config(&run.brokers).create().expect("a client");
        let topic = run.topic("orders");
        let topic = NewTopic::new(&topic, 1, TopicReplication::Fixed(1));
        let created = admin.create_topics([&topic], &AdminOptions::new()).await;
        created.expect("an answer")[0].as_ref().expect("a topic");
        for number in 1..=ORDERS {
            let order = serde_json::json!({"number": number, "articles": ARTICLES});
            run.place(&order.to_string(), number).await;
        }
        run
    }

    /// Sends it as another program would, in the trace of this number.
    pub(crate) async fn place(&self, payload: &str, number: u32) {
        let traceparent = format!("00-{}-00f067aa0ba902b7-01", trace_of(number));
        let headers = OwnedHeaders::new().insert(Header {
            key: "traceparent",
            value: Some(&traceparent),
        });
        let topic = self.topic("orders");
        let record = FutureRecord::<(), _>::to(&topic);
        let record = record.payload(payload).headers(headers);
        self.producer
            .send(record, PATIENCE)
            .await
            .expect("it is taken");
    }

    pub(crate) fn topic(&self, what: &str) -> String {
        format!("{what}-{}", self.name)
    }

    pub(crate) fn program(&self, pack_time: &str) -> Command {
        let mut program = program();
        program
            .args(["--brokers", &self.brokers, "--run", &self.name])
            .args(["--orders", "0", "--pack-time", pack_time]);
        program
    }

    /// Starts it with packers so slow that they are in the middle for long.
    pub(crate) fn start(&self, room: &str) -> Started {
        Started::of(self.program("200").args(["--room", room]))
    }

    /// Waits until some orders are done for good.
    pub(crate) fn wait_for_commit(&self) {
        let mut group = config(&self.brokers);
        group.set("group.id", format!("packers-{}", self.name));
        let group: BaseConsumer = group.create().expect("a client");
        let mut place = TopicPartitionList::new();
        place.add_partition(&self.topic("orders"), 0);
        let started = Instant::now();
        loop {
            let committed = group.committed_offsets(place.clone(), PATIENCE);
            let committed = committed.expect("an answer").elements()[0].offset();
            if matches!(committed, Offset::Offset(offset) if offset > 0) {
                return;
            }
            assert!(started.elapsed() < PATIENCE, "nothing is committed");
        }
    }

    /// Starts it again, until the last order.
    pub(crate) fn go_on(&self) -> (Printed, Output) {
        let output = self.program("0").output().expect("it runs");
        let complained = text(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{complained}");
        (Printed::read(&text(&output.stdout)), output)
    }

    /// Everything in the topic.
    pub(crate) fn messages(&self, what: &str) -> Vec<OwnedMessage> {
        let consumer: BaseConsumer = config(&self.brokers).create().expect("a client");
        let topic = self.topic(what);
        let (first, end) = consumer
            .fetch_watermarks(&topic, 0, PATIENCE)
            .expect("an answer");
        let mut places = TopicPartitionList::new();
        let place = places.add_partition_offset(&topic, 0, Offset::Offset(first));
        place.expect("a place");
        consumer.assign(&places).expect("it is assigned");
        let mut messages = Vec::new();
        while messages.len() < (end - first) as usize {
            let message = consumer.poll(PATIENCE).expect("a message in time");
            messages.push(message.expect("a message").detach());
        }
        messages
    }

    pub(crate) fn loaded(&self) -> Loaded {
        #[derive(Deserialize)]
        struct Pallet {
            parcels: Vec<Parcel>,
        }
        #[derive(Deserialize)]
        struct Parcel {
            order: u32,
            article: String,
        }
        let mut loaded = Loaded::new();
        for message in self.messages("pallets") {
            let payload = message.payload().expect("a payload");
            let pallet: Pallet = serde_json::from_slice(payload).expect("a pallet");
            for parcel in pallet.parcels {
                *loaded.entry((parcel.order, parcel.article)).or_default() += 1;
            }
        }
        loaded
    }

    /// The trace in which each pallet travels, as its message says.
    pub(crate) fn traces_of_pallets(&self) -> Vec<String> {
        let messages = self.messages("pallets");
        let traces = messages.iter().map(|message| {
            let headers = message.headers().expect("headers");
            let mut headers = headers.iter();
            let header = headers.find(|header| header.key == "traceparent");
            let value = header.and_then(|header| header.value).expect("a context");
            text(value)[3..35].to_owned()
        });
        traces.collect()
    }

    pub(crate) async fn remove(self) {
        let admin: AdminClient<DefaultClientContext> =
            config(&self.brokers).create().expect("a client");
        let topics = ["orders", "pallets", "rejected"].map(|what| self.topic(what));
        let topics = topics.each_ref().map(String::as_str);
        let deleted = admin.delete_topics(&topics, &AdminOptions::new()).await;
        deleted.expect("an answer");
    }
}

fn config(brokers: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", brokers)
        .set("group.id", "unused");
    config
}

pub(crate) fn trace_of(order: u32) -> String {
    format!("0af7651916cd43dd8448eb21{order:08x}")
}
