//! rdkafka, by each kind of producer.

mod future;
mod queue;

use crate::orders::{Arrived, END, Fate, Order, Ours, handle, own_headers};
use integration_tests::client::PATIENCE;
use integration_tests::kafka::{Topic, text_headers};
use rdkafka::ClientConfig;
use rdkafka::Message;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};

/// What is published again goes to the other partition.
const ORDERS: i32 = 0;
const AGAIN: i32 = 1;
/// There is none.
const NOWHERE: i32 = 42;

/// The largest record, and more.
const LARGEST: &str = "20000";
const TOO_LARGE: usize = 30_000;

/// A topic, and where a round begins in it.
struct Log {
    topic: Topic,
    bare: FutureProducer,
    begin: i64,
}

impl Log {
    async fn open() -> Self {
        let topic = Topic::on_brokers(2).await;
        let bare = config(&topic).create().expect("a producer");
        let mut log = Self {
            topic,
            bare,
            begin: 0,
        };
        // The number of partitions is known from now on.
        log.end().await;
        log.handle_all(None).await;
        log
    }

    async fn end(&self) {
        let record = FutureRecord::<str, _>::to(&self.topic.name)
            .partition(ORDERS)
            .headers(headers(END))
            .payload("end");
        let sent = self.bare.send(record, PATIENCE).await;
        sent.expect("the broker takes the record");
    }

    /// Handles all to the end of the round.
    async fn handle_all(&mut self, ours: Option<&Ours>) -> Vec<Arrived> {
        let mut arrived = Vec::new();
        loop {
            let message = self.topic.receive().await;
            if message.partition() == AGAIN {
                continue;
            }
            let shown = text_headers(&message);
            let order = Order::of(&shown);
            if order == END {
                self.begin = message.offset() + 1;
                return arrived;
            }
            let handled = handle(ours, order, &message, async || {}).await;
            let offset = message.offset() - self.begin;
            let mut headers = own_headers(order, shown);
            headers.push(("key".to_owned(), format!("{:?}", message.key())));
            headers.push(("offset".to_owned(), offset.to_string()));
            arrived.push(Arrived {
                headers,
                payload: message.payload().unwrap_or_default().to_vec(),
                handled,
            });
        }
    }
}

fn config(topic: &Topic) -> ClientConfig {
    let mut config = topic.config();
    config
        .set("message.max.bytes", LARGEST)
        .set("linger.ms", "0");
    config
}

fn partition(order: Order) -> i32 {
    match order.fate() {
        Fate::Failed => NOWHERE,
        _ => ORDERS,
    }
}

fn payload(order: Order) -> Vec<u8> {
    match order.fate() {
        Fate::Refused => vec![b'x'; TOO_LARGE],
        _ => order.payload(),
    }
}

/// In an order of their own, one of them twice.
fn headers(order: Order) -> OwnedHeaders {
    let [id, empty, note] = order.headers();
    let all = [&note, &id, &empty, &note].into_iter();
    all.fold(OwnedHeaders::new(), |all, (key, value)| {
        all.insert(Header {
            key,
            value: Some(value),
        })
    })
}
