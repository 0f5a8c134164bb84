//! NATS with JetStream.

use crate::blocks::blocks;
use crate::victim::{Trace, assert_goes_on, sent_on, survives};
use integration_tests::client::Client;
use integration_tests::nats::JetStream;
use integration_tests::wire::nats::{Connection, block};

/// In bytes: what a stream takes as the header block of a message.
const LARGEST: usize = 65_535;

/// As on core NATS: what the stream has stored is what was published.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(
    not(feature = "brokers"),
    ignore = "needs brokers: integration-tests/run"
)]
async fn any_header_block_is_survived() {
    let (mut client, mut attacker) = (JetStream::connect().await, Connection::open().await);
    for (name, block, expected) in blocks(LARGEST) {
        eprintln!("{name}");
        attacker.publish(&client.subject, &block, b"").await;
        survives(&mut client, expected).await;
    }
    // What is larger never comes to the consumer.
    let header = [b"x: ", &[b'x'; LARGEST][..]].concat();
    attacker
        .publish(&client.subject, &block(&[&header]), b"")
        .await;
    assert_goes_on(&mut client).await;
}

/// A relay replaces every spelling and duplicate.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(
    not(feature = "brokers"),
    ignore = "needs brokers: integration-tests/run"
)]
async fn a_hostile_message_is_sent_on_with_one_context() {
    let (mut client, mut attacker) = (JetStream::connect().await, Connection::open().await);
    let block = block(&[
        b"Traceparent: a",
        b"traceparent: b",
        b"traceparent:",
        b"x: 7",
    ]);
    attacker.publish(&client.subject, &block, b"").await;
    let message = survives(&mut client, Trace::New).await;
    let (next, traceparent) = sent_on(&mut client, &message).await;
    let expected = [("traceparent", traceparent.as_str()), ("x", "7")];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(JetStream::headers(&next), expected);
    assert_goes_on(&mut client).await;
}
