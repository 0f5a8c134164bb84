//! NATS with JetStream.

use crate::blocks::blocks;
use crate::victim::{Trace, assert_goes_on, sent_on, survives};
use integration_tests::client::Client;
use integration_tests::nats::{JetStream, rewrites_traceparent};
use integration_tests::wire::nats::{Connection, block};
use integration_tests::{apply, broker_test};

/// In bytes: what a stream takes as the header block of a message.
const LARGEST: usize = 65_535;

/// As on core NATS: what the stream has stored is what was published.
#[apply(broker_test)]
async fn any_header_block_is_survived() {
    let (mut client, mut attacker) = (JetStream::connect().await, Connection::open().await);
    let is_rewritten = rewrites_traceparent(&client.context.client());
    for (name, block, expected) in blocks(LARGEST, is_rewritten) {
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
#[apply(broker_test)]
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
    let traceparent = traceparent.as_str();
    let mut expected = vec![("traceparent", traceparent), ("x", "7")];
    if !rewrites_traceparent(&client.context.client()) {
        // In both spellings, as one came in title case.
        expected.insert(0, ("Traceparent", traceparent));
    }
    let expected: Vec<_> = expected
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    assert_eq!(JetStream::headers(&next), expected);
    assert_goes_on(&mut client).await;
}
