//! The payload is never copied: what is allocated for a message beyond the bare client does not grow
//! with it.

use allocation_counter::measure;
use benches::call::{Polling, Receives, Sends, Setting};
use benches::client::{Amqp, Client, Kafka, Nats};
use benches::sample::Carried;
use bytes::Bytes;
use lapin::BasicProperties;
use lapin::options::BasicPublishOptions;
use otel_messaging::{Instrumentation, Received, propagation};
use rdkafka::message::{OwnedMessage, Timestamp};
use rdkafka::producer::FutureRecord;
use std::time::Duration;

const SIZES: [usize; 3] = [100, 10 << 10, 100 << 10];
/// A client's buffers grow now and then, and a thread looks at OpenTelemetry's settings for each of its first 32
/// messages: the least of so many calls counts.
const CALLS: usize = 40;
/// In bytes: the clients' own queues grow at other times. A copy of the middle payload would be forty times as
/// much.
const TOLERANCE: i64 = 256;

fn ours() -> Instrumentation {
    let ours = Instrumentation::builder().with_propagator(propagation::w3c());
    ours.build()
}

/// What this thread allocates until the future is done.
fn allocated<F: Future>(future: impl Fn() -> F) -> i64 {
    let polling = Polling::default();
    let bytes = (0..CALLS).map(|_| {
        let counted = measure(|| drop(polling.run(future(), || {})));
        i64::try_from(counted.bytes_total).expect("not so many")
    });
    bytes.min().expect("some calls")
}

fn handled<C, M: Received<C>>(message: &M) -> i64 {
    let ours = ours();
    allocated(|| ours.process(message).run(async {}))
}

#[track_caller]
fn assert_same(what: &str, bytes: [i64; 3]) {
    let [least, most] =
        [bytes.iter().min(), bytes.iter().max()].map(|bytes| *bytes.expect("three"));
    assert!(
        most - least <= TOLERANCE,
        "{what}: {bytes:?} bytes for payloads of {SIZES:?}"
    );
}

#[test]
fn a_payload_is_not_copied_when_its_message_is_handled() {
    Setting::Recorded.install();
    let entries = Carried::SPAN.entries();
    let amqp = SIZES.map(|size| {
        let mut message = Amqp::message(Amqp::received(&entries));
        message.data = vec![7; size];
        handled(&message)
    });
    assert_same("AMQP", amqp);
    let kafka = SIZES.map(|size| {
        let (payload, topic) = (Some(vec![7; size]), "orders".to_owned());
        let headers = Some(Kafka::received(&entries));
        handled(&OwnedMessage::new(
            payload,
            None,
            topic,
            Timestamp::now(),
            3,
            42,
            headers,
        ))
    });
    assert_same("Kafka", kafka);
    let nats = SIZES.map(|size| {
        let mut message = Nats::message(Nats::received(&entries));
        message.payload = vec![7; size].into();
        handled(&message)
    });
    assert_same("NATS", nats);
}

#[test]
fn a_payload_is_not_copied_when_lapin_sends_it() {
    let sender = Amqp::connect();
    let (channel, ours) = (sender.channel(), Amqp::injecting(&sender, Some(ours())));
    let place = || ("shop".into(), "orders.new".into());
    let options = BasicPublishOptions::default();
    let properties = BasicProperties::default;
    let _current = Carried::SPAN.context().attach();
    let bytes = SIZES.map(|size| {
        let payload = vec![7; size];
        let bare = allocated(async || {
            let (exchange, key) = place();
            let sent = channel.basic_publish(exchange, key, options, &payload, properties());
            sent.await.expect("published").await.expect("not asked for");
        });
        let ours = allocated(async || {
            let (exchange, key) = place();
            let sent = ours.basic_publish(exchange, key, options, &payload, properties());
            sent.await.expect("published").await.expect("not asked for");
        });
        ours - bare
    });
    assert_same("AMQP", bytes);
}

#[test]
fn a_payload_is_not_copied_when_rdkafka_sends_it() {
    let sender = Kafka::connect();
    let (producer, ours) = (sender.producer(), Kafka::injecting(&sender, Some(ours())));
    let patience = Duration::from_secs(60);
    let _current = Carried::SPAN.context().attach();
    let bytes = SIZES.map(|size| {
        let payload = vec![7; size];
        let record = || FutureRecord::<str, [u8]>::to("orders").payload(&payload);
        let bare = allocated(async || {
            producer.send(record(), patience).await.expect("delivered");
        });
        let ours = allocated(async || {
            ours.send(record(), patience).await.expect("delivered");
        });
        ours - bare
    });
    assert_same("Kafka", bytes);
}

#[test]
fn a_payload_is_not_copied_when_async_nats_sends_it() {
    let client = Nats::connect();
    let ours = Nats::injecting(&client, Some(ours()));
    let _current = Carried::SPAN.context().attach();
    let bytes = SIZES.map(|size| {
        let payload = Bytes::from(vec![7; size]);
        let bare = allocated(async || {
            let sent = client.publish("orders.new", payload.clone());
            sent.await.expect("taken");
        });
        let ours = allocated(async || {
            let sent = ours.publish("orders.new", payload.clone());
            sent.await.expect("taken");
        });
        ours - bare
    });
    assert_same("NATS", bytes);
}
