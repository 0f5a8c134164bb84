//! Batches of a stream's messages, each with its own context, settled together and one by one.

use super::orders::{Orders, reply};
use async_nats::jetstream::Message;
use async_nats::jetstream::consumer::pull;
use futures_util::future::join_all;
use integration_tests::client::in_time;
use integration_tests::nats::connect;
use integration_tests::spans::attribute;
use integration_tests::{apply, broker_test};
use opentelemetry::trace::{TraceContextExt, TraceId};
use otel_messaging_async_nats::consumer::BatchDelivery;
use otel_messaging_async_nats::{InjectingProducer, Nats, Settlement, Settler, current_context};
use std::collections::BTreeMap;
use std::sync::Mutex;

type Item<'a> = BatchDelivery<&'a Message, Nats, Settler>;

const MESSAGES: usize = 100;

/// A hundred messages, each from a trace of its own.
struct Batch {
    orders: Orders,
    messages: Vec<Message>,
    traces: Vec<TraceId>,
}

impl Batch {
    async fn fetch() -> Self {
        let mut orders = Orders::with_client(connect().await, 0, pull::Config::default()).await;
        let producer = InjectingProducer::new(orders.context.clone());
        let producer = producer.with_instrumentation(orders.spans.instrumentation.clone());
        let mut traces = Vec::new();
        for number in 0..MESSAGES {
            let root = orders.spans.root("place order");
            traces.push(root.span().span_context().trace_id());
            let publish = {
                let _root = root.attach();
                producer.publish(orders.subject.clone(), number.to_string().into())
            };
            publish.await.expect("published").await.expect("stored");
        }
        let mut messages = Vec::new();
        for _ in 0..MESSAGES {
            messages.push(orders.next().await);
        }
        Self {
            orders,
            messages,
            traces,
        }
    }

    /// What was sent for each message, by its number.
    async fn sent(&mut self) -> Vec<Vec<String>> {
        let mut all = self.orders.settlements().await;
        let sent = self.messages.iter().map(reply);
        let sent = sent.map(|reply| all.remove(&reply).unwrap_or_default());
        let sent = sent.collect();
        assert_eq!(all, BTreeMap::new());
        sent
    }

    fn spans_of(&self, operation: &str) -> usize {
        let name = format!("{operation} {}", self.orders.subject);
        let all = self.orders.spans.all();
        all.iter().filter(|span| span.name == name).count()
    }
}

fn number_of(message: &Message) -> usize {
    let number = str::from_utf8(&message.payload).expect("a number");
    number.parse().expect("a number")
}

fn current_trace() -> TraceId {
    current_context().span().span_context().trace_id()
}

#[apply(broker_test)]
async fn a_batch_is_settled_by_its_outcome() {
    for (chosen, result, operation, sent) in [
        (Settlement::Ack, Ok(()), "ack", ""),
        (Settlement::DoubleAck, Ok(()), "double_ack", "+ACK"),
        (Settlement::Nak(None), Err("full"), "nak", "-NAK"),
        (Settlement::Term, Err("full"), "term", "+TERM"),
    ] {
        let mut batch = Batch::fetch().await;
        let seen = Mutex::new(Vec::new());
        let settled = batch.orders.billing.with_batch_settlement(
            &batch.messages,
            async |each: Vec<Item<'_>>| {
                let each = each.into_iter().map(|delivery| {
                    delivery.run(async |_: &Message| {
                        tokio::task::yield_now().await;
                        seen.lock().expect("not poisoned").push(current_trace());
                    })
                });
                join_all(each).await;
                result
            },
        );
        let settled = settled.and(chosen).or(chosen);
        let settled = in_time("a batch", settled).await;
        assert_eq!(settled.expect("settled"), result);
        assert_eq!(seen.into_inner().expect("not poisoned"), batch.traces);

        let process = batch
            .orders
            .spans
            .named(&format!("process {}", batch.orders.subject));
        assert_eq!(process.links.len(), MESSAGES);
        let settle = batch
            .orders
            .spans
            .named(&format!("{operation} {}", batch.orders.subject));
        assert_eq!(settle.parent_span_id, process.span_context.span_id());
        let count = attribute(&settle, "messaging.batch.message_count");
        assert_eq!(count, Some(100.into()));
        let each = batch.sent().await;
        assert!(each.iter().all(|each| *each == [sent]), "{each:?}");
        if operation == "nak" {
            batch.orders.assert_next("0", 2).await;
        } else {
            batch.orders.all_settled(MESSAGES as u64).await;
        }
    }
}

#[apply(broker_test)]
async fn each_of_a_batch_is_settled_by_its_own_outcome() {
    let mut batch = Batch::fetch().await;
    let traces = &batch.traces;
    let settled =
        batch
            .orders
            .billing
            .with_batch_settlement(&batch.messages, async |each: Vec<Item<'_>>| {
                let each = each.into_iter().map(|delivery| {
                    let handled = delivery.with_settlement(async |message: &Message| {
                        let number = number_of(message);
                        tokio::task::yield_now().await;
                        assert_eq!(current_trace(), traces[number]);
                        if number.is_multiple_of(4) {
                            Err("no such order")
                        } else {
                            Ok(())
                        }
                    });
                    handled.or(Settlement::Term)
                });
                let mut settled = join_all(each).await.into_iter();
                settled.try_for_each(|settled| settled.map(drop))
            });
    let settled = in_time("a batch", settled).await.expect("settled");
    settled.expect("each is settled");
    let of = |operation| batch.spans_of(operation);
    assert_eq!([of("ack"), of("term"), of("process")], [75, 25, 1]);
    for (number, sent) in batch.sent().await.iter().enumerate() {
        let expected = if number.is_multiple_of(4) {
            "+TERM"
        } else {
            ""
        };
        assert_eq!(*sent, [expected], "{number}");
    }
    batch.orders.all_settled(MESSAGES as u64).await;
}

#[apply(broker_test)]
async fn a_batch_that_is_dropped_goes_back_where_it_is_not_settled() {
    let mut batch = Batch::fetch().await;
    let (began, begins) = tokio::sync::oneshot::channel();
    let settled =
        batch
            .orders
            .billing
            .with_batch_settlement(&batch.messages, async |each: Vec<Item<'_>>| {
                for delivery in each.into_iter().take(40) {
                    let handled = delivery.with_settlement(async |_: &Message| Ok::<_, String>(()));
                    handled.await.expect("settled").expect("handled");
                }
                began.send(()).expect("the test waits");
                std::future::pending::<Result<(), String>>().await
            });
    tokio::select! {
        _ = settled => unreachable!("it is pending"),
        begun = in_time("forty", begins) => begun.expect("it goes on"),
    }
    let returned = batch
        .orders
        .spans
        .named(&format!("nak {}", batch.orders.subject));
    let count = attribute(&returned, "messaging.batch.message_count");
    assert_eq!(count, Some(60.into()));
    for (number, sent) in batch.sent().await.iter().enumerate() {
        let expected = if number < 40 { "" } else { "-NAK" };
        assert_eq!(*sent, [expected], "{number}");
    }
    batch.orders.assert_next("40", 2).await;
}
