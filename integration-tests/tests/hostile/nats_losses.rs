//! What async-nats loses, and what makes it fail, before any code of this project sees it. When one of these
//! tests fails, async-nats was mended: SECURITY.md has to say so.

use crate::victim::{TRACEPARENT, assert_goes_on};
use async_nats::Client as Plain;
use async_nats::jetstream::{self, consumer::pull};
use async_nats::service::error::Error;
use futures_util::StreamExt;
use integration_tests::client::{Client, address, in_time, unique};
use integration_tests::nats::{JetStream, Nats, connect, start_service};
use integration_tests::spans::Spans;
use integration_tests::wire::nats::{Connection, block};
use integration_tests::{apply, broker_test};
use otel_messaging_async_nats::InjectingProducer;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// The client gives up its connection, and with it the message, and makes another; then its
/// subscriptions go on.
#[apply(broker_test)]
async fn a_malformed_header_block_costs_a_reconnection() {
    let (mut client, mut attacker) = (Nats::connect().await, Connection::open().await);
    let traceparent = format!("traceparent: {TRACEPARENT}");
    let good = traceparent.as_bytes();
    let malformed = [
        ("not UTF-8", block(&[good, b"x: \xff\xfe"])),
        ("no colon", block(&[good, b"nonsense"])),
        ("a name with a space", block(&[good, b"x y: 1"])),
        ("another version", b"NATS/2.0\r\n\r\n".to_vec()),
        ("no version", b"\r\n\r\n".to_vec()),
        ("a status that is no number", b"NATS/1.0 x\r\n\r\n".to_vec()),
    ];
    for (name, block) in malformed {
        eprintln!("{name}");
        let before = connections(&client.client);
        attacker.publish(&client.subject, &block, b"").await;
        reconnected(&client.client, before).await;
        assert_goes_on(&mut client).await;
    }
}

/// The client takes it for the end of the subject, where the message has headers. A subscription with
/// a wildcard gets whatever the sender writes.
#[apply(broker_test)]
async fn white_space_in_a_subject_costs_a_reconnection() {
    let (mut client, mut attacker) = (Nats::connect().await, Connection::open().await);
    let root = unique("orders");
    let subscribed = client.client.subscribe(format!("{root}.>")).await;
    let mut messages = subscribed.expect("a subscription");
    let asked = client.client.request(unique("nobody"), "".into()).await;
    asked.expect_err("nobody answers, and the server knows of the subscription");
    for space in ["\u{85}", "\u{a0}", "\u{2028}", "\u{3000}"] {
        let before = connections(&client.client);
        let subject = format!("{root}.a{space}b");
        attacker.publish(&subject, &block(&[]), b"").await;
        reconnected(&client.client, before).await;
        assert_goes_on(&mut client).await;
    }
    // At its end, it is cut off.
    let subject = format!("{root}.a");
    attacker
        .publish(&format!("{subject}\u{a0}"), &block(&[]), b"")
        .await;
    let message = in_time("a message", messages.next()).await;
    let message = message.expect("the subscription goes on");
    assert_eq!(message.subject.as_str(), subject);
}

/// The client's task panics, and with it all its subscriptions end and nothing can be published.
/// Only where it ends a line, before or after a value, is a CR harmless.
#[apply(broker_test)]
async fn a_cr_in_a_value_ends_the_client() {
    let (client, mut attacker) = (Nats::connect().await, Connection::open().await);
    let hostile = block(&[b"x: a\rb"]);
    let subscribed = client.client.subscribe(unique("another")).await;
    let mut another = subscribed.expect("a subscription");
    client.client.flush().await.expect("a flush");
    attacker.publish(&client.subject, &hostile, b"").await;
    assert!(in_time("the end", another.next()).await.is_none());
    // What is published until the task has gone is lost without an error.
    let refused = async {
        while client
            .client
            .publish("orders", "order".into())
            .await
            .is_ok()
        {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    in_time("an error", refused).await;

    let client = JetStream::connect().await;
    let stream = client.context.get_stream(&client.subject).await;
    let stream = stream.expect("a stream");
    let consumer = stream.create_consumer(pull::Config::default()).await;
    let messages = consumer.expect("a consumer").messages().await;
    let mut messages = messages.expect("messages");
    attacker.publish(&client.subject, &hostile, b"").await;
    assert!(in_time("the end", messages.next()).await.is_none());
    assert_goes_on(&mut Nats::connect().await).await;
}

/// The stream keeps the message and delivers it again, and each time costs a reconnection. A
/// limit of deliveries ends that; the consumer has one message at a time, or the limit would count
/// for what is lost with it too.
#[apply(broker_test)]
async fn a_stored_message_costs_a_reconnection_for_each_delivery() {
    let (client, mut attacker) = (JetStream::connect().await, Connection::open().await);
    let subject = &client.subject;
    let hostile = block(&[b"x: \xff"]);
    attacker.publish(subject, &hostile, b"").await;
    attacker.publish(subject, &block(&[]), b"good").await;

    let reader = async_nats::connect(address("NATS_URL")).await;
    let reader = reader.expect("a connection");
    let stream = jetstream::new(reader.clone()).get_stream(subject).await;
    let one_at_a_time = pull::Config {
        ack_wait: Duration::from_millis(200),
        max_ack_pending: 1,
        max_deliver: 3,
        ..Default::default()
    };
    let stream = stream.expect("a stream");
    let consumer = stream.create_consumer(one_at_a_time).await;
    let consumer = consumer.expect("a consumer");
    let before = connections(&reader);
    let mut messages = consumer.messages().await.expect("messages");
    let next = in_time("a message", messages.next()).await;
    let good = next.expect("the consumer goes on").expect("a message");
    assert_eq!(&good.payload[..], b"good");
    assert!(connections(&reader) - before >= 3);
}

/// A service that puts what it was sent into its error's text: the client panics where the service
/// answers, with this project's wrapper and without. What the wrapper began has ended.
#[apply(broker_test)]
async fn a_line_break_in_the_text_of_a_services_error_panics() {
    let (client, subject, spans) = (connect().await, unique("orders"), Spans::new());
    let (_service, mut orders) = start_service(&client, &subject).await;
    for wrapped in [false, true] {
        let publish = client.publish_with_reply(subject.clone(), "answers", "a\r\nb".into());
        publish.await.expect("published");
        let request = in_time("a request", orders.next()).await;
        let request = request.expect("the service goes on");
        let producer = InjectingProducer::new(client.clone());
        let producer = producer.with_instrumentation(spans.instrumentation.clone());
        let answer = tokio::spawn(async move {
            let text = String::from_utf8_lossy(&request.message.payload);
            let error = Error {
                code: 404,
                status: format!("no {text}"),
            };
            if wrapped {
                let request = producer.injecting_request(request);
                request.respond(Err(error)).await
            } else {
                request.respond(Err(error)).await
            }
        });
        assert!(answer.await.is_err_and(|error| error.is_panic()));
    }
    assert!(spans.has("respond"));
}

fn connections(client: &Plain) -> u64 {
    client.statistics().connects.load(Ordering::Relaxed)
}

/// Waits until the client has made another connection and told it of its subscriptions.
async fn reconnected(client: &Plain, before: u64) {
    let again = async {
        while connections(client) == before {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    in_time("another connection", again).await;
    client.flush().await.expect("a flush");
}
