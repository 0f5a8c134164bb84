//! A server that is killed while messages are settled, and comes back with its data.

use crate::recorded::{count_failed, spans_named};
use async_nats::ConnectOptions;
use async_nats::jetstream::consumer::{PullConsumer, pull};
use async_nats::jetstream::{self, Message, stream};
use futures_util::TryStreamExt;
use integration_tests::client::in_time;
use integration_tests::private::{PrivateBroker, Server};
use integration_tests::spans::Spans;
use integration_tests::{apply, broker_test};
use otel_messaging_async_nats::consumer::Consumer;
use otel_messaging_async_nats::consumer_info;
use std::collections::HashSet;
use std::sync::Mutex;
use std::time::Duration;
use tokio::sync::Notify;

const ORDERS: usize = 500;
const AT_ONCE: usize = 16;

/// What was handled, and the server's turn.
struct Work {
    billing: Consumer,
    handled: Mutex<HashSet<String>>,
    halfway: Notify,
    is_back: Notify,
}

impl Work {
    fn count(&self) -> usize {
        self.handled.lock().expect("not poisoned").len()
    }

    /// Handles and settles a message. In the middle, it is settled after the death of the server.
    async fn settle(&self, message: &Message) {
        let settled = self.billing.with_settlement(message, async |message| {
            let order = String::from_utf8(message.payload.to_vec())?;
            let is_first = self.handled.lock().expect("not poisoned").insert(order);
            if is_first && self.count() == ORDERS / 2 {
                self.halfway.notify_one();
                self.is_back.notified().await;
            }
            Ok::<_, std::string::FromUtf8Error>(())
        });
        // async-nats keeps what it cannot send, until it is connected again.
        let result = in_time("a settlement", settled).await;
        result.expect("taken").expect("handled");
    }
}

#[apply(broker_test)]
async fn a_server_is_killed_during_settlements() {
    let mut broker = PrivateBroker::start(Server::Nats).await;
    let client = ConnectOptions::new()
        .reconnect_delay_callback(|_| Duration::from_millis(20))
        .connect(broker.url())
        .await
        .expect("connected");
    let context = jetstream::new(client);
    let config = stream::Config {
        name: "orders".to_owned(),
        storage: stream::StorageType::File,
        ..stream::Config::default()
    };
    let stream = context.create_stream(config).await.expect("a stream");
    for n in 0..ORDERS {
        let stored = context.publish("orders", n.to_string().into()).await;
        stored.expect("published").await.expect("stored");
    }
    let consumer = stream.create_consumer(pull::Config {
        durable_name: Some("billing".to_owned()),
        ack_wait: Duration::from_secs(1),
        ..pull::Config::default()
    });
    let mut consumer = consumer.await.expect("a consumer");
    let spans = Spans::new();
    let work = Work {
        billing: spans.instrumentation.consumer(consumer_info(&consumer)),
        handled: Mutex::default(),
        halfway: Notify::new(),
        is_back: Notify::new(),
    };
    let killing = async {
        work.halfway.notified().await;
        broker.kill().await;
        broker.restart().await;
        work.is_back.notify_one();
    };
    let both = async { tokio::join!(settle_all(&mut consumer, &work), killing) };
    in_time("the settlements", both).await;

    assert_eq!(work.count(), ORDERS);
    let info = consumer.info().await.expect("an answer");
    assert_eq!(info.ack_floor.stream_sequence, ORDERS as u64);
    spans.counts.all_ended().await;
    let settled = spans_named(&spans, "ack orders").len();
    assert!(settled >= ORDERS, "{settled}");
    assert_eq!(spans_named(&spans, "process orders").len(), settled);
    assert_eq!(count_failed(&spans, ""), 0);
}

/// Settles what the consumer delivers, until nothing is left and nothing is open.
async fn settle_all(consumer: &mut PullConsumer, work: &Work) {
    loop {
        if let Ok(info) = consumer.info().await
            && info.num_pending == 0
            && info.num_ack_pending == 0
        {
            return;
        }
        // Through the death of its server, a batch ends or fails.
        let batch = consumer
            .fetch()
            .max_messages(AT_ONCE)
            .expires(Duration::from_secs(1));
        if let Ok(batch) = batch.messages().await {
            let settled = batch.try_for_each_concurrent(AT_ONCE, async |message| {
                work.settle(&message).await;
                Ok(())
            });
            let _ = settled.await;
        }
    }
}
