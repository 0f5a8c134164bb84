//! A stream of orders, its consumer, and what is sent to the stream to settle them.

use async_nats::Subscriber;
use async_nats::jetstream::consumer::pull;
use async_nats::jetstream::{self, Message, stream};
use futures_util::{FutureExt, StreamExt};
use integration_tests::client::{in_time, unique};
use integration_tests::nats::connect;
use integration_tests::spans::{Spans, assert_child, assert_messaging, attribute};
use opentelemetry::trace::SpanKind;
use opentelemetry_sdk::trace::SpanData;
use otel_messaging_async_nats::consumer::Consumer;
use otel_messaging_async_nats::consumer_info;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use tokio::task::unconstrained;

/// The name of the consumer.
pub(crate) const BILLING: &str = "billing";

/// A stream of orders with a durable consumer.
pub(crate) struct Orders {
    pub(crate) context: jetstream::Context,
    /// The stream's name, and its only subject.
    pub(crate) subject: String,
    pub(crate) stream: stream::Stream,
    pub(crate) consumer: jetstream::consumer::PullConsumer,
    pub(crate) messages: pull::Stream,
    pub(crate) spans: Spans,
    /// Handles and settles messages with spans.
    pub(crate) billing: Consumer,
    settlements: Subscriber,
}

impl Orders {
    /// A stream with so many orders. The consumer waits a minute for each to be settled.
    pub(crate) async fn new(orders: usize) -> Self {
        Self::with_client(connect().await, orders, pull::Config::default()).await
    }

    /// The same, with a consumer that waits for this time.
    pub(crate) async fn waiting(ack_wait: Duration, orders: usize) -> Self {
        let config = pull::Config {
            ack_wait,
            ..pull::Config::default()
        };
        Self::with_client(connect().await, orders, config).await
    }

    /// The consumer has its messages from `client`, and settles through it.
    pub(crate) async fn with_client(
        client: async_nats::Client,
        orders: usize,
        config: pull::Config,
    ) -> Self {
        let context = jetstream::new(client.clone());
        let subject = unique("orders");
        let stream = stream(&context, &subject).await;
        let ack_wait = match config.ack_wait {
            Duration::ZERO => Duration::from_secs(60),
            given => given,
        };
        let config = pull::Config {
            durable_name: Some(BILLING.to_owned()),
            ack_wait,
            ..config
        };
        let consumer = stream.create_consumer(config).await.expect("a consumer");
        let settlements = client.subscribe(format!("$JS.ACK.{subject}.{BILLING}.>"));
        let settlements = settlements.await.expect("a subscription");
        for n in 0..orders {
            let stored = context.publish(subject.clone(), n.to_string().into()).await;
            stored.expect("published").await.expect("stored");
        }
        let spans = Spans::new();
        let billing = spans.instrumentation.consumer(consumer_info(&consumer));
        Self {
            messages: consumer.messages().await.expect("messages"),
            context,
            subject,
            stream,
            consumer,
            spans,
            billing,
            settlements,
        }
    }

    /// The next message.
    pub(crate) async fn next(&mut self) -> Message {
        let next = in_time("a message", self.messages.next()).await;
        next.expect("the consumer goes on").expect("a message")
    }

    /// The next message is this order, delivered so often.
    pub(crate) async fn assert_next(&mut self, order: &str, deliveries: i64) -> Message {
        let message = self.next().await;
        assert_eq!(message.payload, order);
        assert_eq!(message.info().expect("a reply").delivered, deliveries);
        message
    }

    /// What was sent to settle each delivery since the last call, by the delivery's reply subject.
    pub(crate) async fn settlements(&mut self) -> BTreeMap<String, Vec<String>> {
        let client = self.context.client();
        let mut found = BTreeMap::<String, Vec<String>>::new();
        // The server answers when it has delivered what this client has sent before.
        let asked = client.request(unique("nobody"), "".into()).await;
        asked.expect_err("nobody answers, and the server says so");
        // However many there are, they are taken within this turn.
        while let Some(Some(sent)) = unconstrained(self.settlements.next()).now_or_never() {
            let payload = str::from_utf8(&sent.payload).expect("text");
            let of_delivery = found.entry(sent.subject.to_string()).or_default();
            of_delivery.push(payload.to_owned());
        }
        found
    }

    /// This and nothing else was sent to settle this delivery.
    pub(crate) async fn assert_settlement(&mut self, reply: &str, expected: &[&str]) {
        let all = self.settlements().await;
        let expected: Vec<_> = expected.iter().map(|it| (*it).to_owned()).collect();
        match expected.is_empty() {
            true => assert!(all.is_empty(), "{all:?}"),
            false => assert_eq!(all, BTreeMap::from([(reply.to_owned(), expected)])),
        }
    }

    /// Waits until every order up to this one is acknowledged or terminated, and none is open.
    pub(crate) async fn all_settled(&mut self, last: u64) {
        let settled = async {
            loop {
                let info = self.consumer.info().await.expect("an answer");
                if info.num_ack_pending == 0 && info.ack_floor.stream_sequence == last {
                    return;
                }
                tokio::task::yield_now().await;
            }
        };
        in_time("the settlements", settled).await;
    }

    /// The span of a settlement, which has to be a child of that of the message, inside its time.
    pub(crate) fn assert_settle_span(&self, operation: &str) -> SpanData {
        let settle = self.spans.named(&format!("{operation} {}", self.subject));
        let process = self.spans.named(&format!("process {}", self.subject));
        assert_messaging(&settle, SpanKind::Client, "nats", [operation, "settle"]);
        assert_child(&settle, &process.span_context);
        assert!(process.start_time <= settle.start_time && settle.end_time <= process.end_time);
        for key in [
            "messaging.destination.name",
            "messaging.destination.subscription.name",
            "nats.stream",
            "nats.consumer",
            "nats.sequence",
        ] {
            let value = attribute(&settle, key);
            assert!(value.is_some(), "{key}");
            assert_eq!(value, attribute(&process, key), "{key}");
        }
        for key in ["nats.delivery_count", "messaging.message.body.size"] {
            assert_eq!(attribute(&settle, key), None);
        }
        settle
    }
}

/// A stream with one subject, of its own name.
pub(crate) async fn stream(context: &jetstream::Context, subject: &str) -> stream::Stream {
    let config = stream::Config {
        name: subject.to_owned(),
        subjects: vec![subject.to_owned()],
        storage: stream::StorageType::Memory,
        ..stream::Config::default()
    };
    context.create_stream(config).await.expect("a stream")
}

/// The reply subject of a delivery.
pub(crate) fn reply(message: &Message) -> String {
    message.reply.as_ref().expect("a reply").to_string()
}

/// Waits for something that the server does, and gives the time since `start`.
pub(crate) async fn since<T>(start: Instant, work: impl Future<Output = T>) -> (T, Duration) {
    let output = work.await;
    (output, start.elapsed())
}
