//! Futures that are dropped before they are done.

use super::outcome::{Outcome, assert_carries_its_context, assert_told, by_id, properties};
use crate::PLAIN;
use integration_tests::client::{Client, in_time};
use integration_tests::rabbitmq::RabbitMq;
use integration_tests::spans::{Spans, assert_child};
use integration_tests::{apply, broker_test};
use lapin::types::FieldTable;
use std::collections::HashMap;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

/// Cancelled before the first poll, between publish and confirm, and while the confirm is waited
/// for: the span ends there, and a message that the broker has all the same carries its context.
#[apply(broker_test)]
async fn a_cancelled_publish_ends_its_span() {
    let client = RabbitMq::connect().await;
    let spans = Spans::new();
    let queue = client.declare_queue(FieldTable::default()).await;
    let producer = client.producer(&spans);
    let mut outcomes = HashMap::new();
    for n in 0..400 {
        let (id, key) = (n.to_string(), queue.clone());
        let publish = producer.basic_publish("".into(), key, PLAIN, b"order", properties(&id));
        let confirmed = polled(n % 8, async { publish.await?.await }).await;
        let outcome = confirmed.as_ref().map_or(Outcome::Unknown, Outcome::of);
        outcomes.insert(id, outcome);
    }
    let unknown = outcomes.values().filter(|o| **o == Outcome::Unknown);
    assert!(unknown.count() >= 100, "0 and 1 polls are too few");
    spans.counts.all_ended().await;
    assert_eq!(spans.counts.ended(), 400);
    assert_told(&spans, &outcomes);

    // lapin has taken over the confirms of what it sent.
    let returned = in_time("confirms", producer.wait_for_confirms()).await;
    assert!(returned.expect("confirmed").is_empty());
    let (key, last) = (queue.clone(), properties("last"));
    let confirm = producer.basic_publish("".into(), key, PLAIN, b"order", last);
    let confirm = confirm.await.expect("published");
    in_time("a confirm", confirm).await.expect("confirmed");
    let sent = by_id(&spans);
    let mut consumer = client.consume(&queue).await;
    let mut arrived = 0;
    loop {
        let delivery = integration_tests::rabbitmq::next(&mut consumer).await;
        let id = assert_carries_its_context(&delivery, &sent);
        let handling = Spans::new();
        let handled = handling
            .instrumentation
            .with_message_context(&delivery, |_| async {});
        handled.await;
        assert_child(&handling.all()[0], &sent[&id].span_context);
        if id == "last" {
            break;
        }
        outcomes.remove(&id);
        arrived += 1;
    }
    assert!(arrived > 0);
    let lost = outcomes.values().filter(|o| **o == Outcome::Acked);
    assert_eq!(lost.count(), 0);
}

/// What the future gives within so many polls; then it is dropped.
async fn polled<F: Future>(polls: usize, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    for _ in 0..polls {
        let polled = poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await;
        if let Poll::Ready(output) = polled {
            return Some(output);
        }
        tokio::task::yield_now().await;
    }
    None
}
