//! Core NATS.

use crate::blocks::blocks;
use crate::victim::{Trace, assert_goes_on, sent_on, survives};
use integration_tests::client::Client;
use integration_tests::nats::{Nats, as_delivered, rewrites_traceparent};
use integration_tests::wire::nats::{Connection, block};
use integration_tests::{apply, broker_test};

/// Every block is one that async-nats reads; each says in which trace its message is handled.
#[apply(broker_test)]
async fn any_header_block_is_survived() {
    let (mut client, mut attacker) = (Nats::connect().await, Connection::open().await);
    let is_rewritten = rewrites_traceparent(&client.client);
    for (name, block, expected) in blocks(client.client.max_payload(), is_rewritten) {
        eprintln!("{name}");
        attacker.publish(&client.subject, &block, b"").await;
        survives(&mut client, expected).await;
    }
}

/// A relay replaces every spelling and duplicate, and keeps the rest.
#[apply(broker_test)]
async fn a_hostile_message_is_sent_on_with_one_context() {
    let (mut client, mut attacker) = (Nats::connect().await, Connection::open().await);
    let block = block(&[
        b"TRACEPARENT: nonsense",
        b"traceparent: more nonsense",
        b"traceparent:",
        b"Tracestate: a=1",
        b"baggage: a=1;p=%0D%0Ax:y,@@@",
        b"order: 7",
        b"order:",
        b"Xraceparent: y",
    ]);
    attacker.publish(&client.subject, &block, b"").await;
    let message = survives(&mut client, Trace::New).await;
    let (next, traceparent) = sent_on(&mut client, &message).await;
    // In both spellings, since the tracestate came in title case.
    let expected = [
        ("Baggage", "a=1;p=%0D%0Ax:y"),
        ("baggage", "a=1;p=%0D%0Ax:y"),
        ("order", ""),
        ("order", "7"),
        ("Traceparent", &traceparent),
        ("traceparent", &traceparent),
    ];
    assert_eq!(
        Nats::headers(&next),
        as_delivered(&client.client, &expected)
    );
    assert_goes_on(&mut client).await;
}
