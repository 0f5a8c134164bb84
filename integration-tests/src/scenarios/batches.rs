//! Batches: one span for all, and a context for each message.

use super::{fields, names};
use crate::client::{Client, in_time};
use crate::spans::{Spans, assert_child, assert_links, assert_unfailed, attribute, traceparent};
use futures_util::Stream;
use futures_util::future::join_all;
use opentelemetry::trace::{SpanContext, SpanKind, TraceContextExt};
use otel_messaging::consumer::{Collected, collect};
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::future::pending;
use tokio::task::yield_now;

const MANY: usize = 100;

/// A hundred messages of a hundred traces are handled at once, and what each handler publishes is in the
/// trace of its own message, on the wire too.
pub async fn each_message_of_a_batch_keeps_its_trace<C: Client>() {
    let (mut client, spans) = (C::connect().await, Spans::new());
    let (publish, process) = names(&client);
    let orders = (0..MANY).map(|_| spans.root("order").span().span_context().clone());
    let sent: Vec<SpanContext> = orders.collect();
    for order in &sent {
        let traceparent = traceparent(order);
        client.send_plain(&[("traceparent", &traceparent)]).await;
    }
    let mut messages = Vec::new();
    for _ in 0..MANY {
        messages.push(client.receive().await);
    }

    let around = spans.root("poll loop");
    let attached = around.clone().attach();
    let handling = spans
        .instrumentation
        .with_batch_context(&messages, async |batch| {
            let each = batch.into_iter().map(|message| {
                message.run(async |message| {
                    yield_now().await;
                    let own = fields::<C>(message, "traceparent").remove(0);
                    let headers = [("order", &own[3..35])];
                    client.send(Some(&spans.instrumentation), &headers).await
                })
            });
            join_all(each).await
        });
    drop(attached);
    for published in in_time("a batch", handling).await {
        published.expect("the broker takes the message");
    }

    let processed = spans.named(&process);
    assert_eq!(processed.span_kind, SpanKind::Consumer);
    assert_child(&processed, around.span().span_context());
    assert_links(&processed, &sent.iter().collect::<Vec<_>>());
    assert_unfailed(&processed);
    let count = attribute(&processed, "messaging.batch.message_count");
    assert_eq!(count, Some((MANY as i64).into()));

    // Whatever the order in which the broker has them.
    let mut published: BTreeMap<String, SpanContext> = BTreeMap::new();
    for span in spans.all().iter().filter(|span| span.name == publish) {
        let sender = sent.iter().find(|it| it.span_id() == span.parent_span_id);
        let sender = sender.expect("a message of the batch");
        assert_child(span, sender);
        let trace_id = format!("{:032x}", sender.trace_id());
        published.insert(trace_id, span.span_context.clone());
    }
    assert_eq!(published.len(), MANY);
    for _ in 0..MANY {
        let message = client.receive().await;
        let order = fields::<C>(&message, "order").remove(0);
        let carried = fields::<C>(&message, "traceparent").remove(0);
        let span = published.remove(&order).expect("one for each");
        assert_eq!(carried, traceparent(&span));
        assert_eq!(carried[3..35], order);
    }
}

/// So many messages of a client's own stream, by calls of `collect` that are dropped again and again.
pub async fn collected<M, E: Debug>(
    stream: &mut (impl Stream<Item = Result<M, E>> + Unpin),
    most: usize,
) -> Vec<M> {
    let mut batch = Vec::new();
    let collecting = async {
        loop {
            tokio::select! {
                biased;
                done = collect(&mut batch, stream, most, pending::<()>()) => break done,
                () = yield_now() => {}
            }
        }
    };
    let done = in_time("a batch", collecting).await;
    let done = done.expect("no error");
    assert_eq!(done, Collected::Full);
    batch
}
