//! Batches of deliveries, each with its own context, settled together and one by one.

use super::{Shop, consumers_gone};
use crate::PLAIN;
use futures_util::StreamExt;
use futures_util::future::join_all;
use integration_tests::client::in_time;
use integration_tests::rabbitmq::consume;
use integration_tests::spans::attribute;
use integration_tests::{apply, broker_test};
use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicGetOptions};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Consumer};
use opentelemetry::Value;
use opentelemetry::trace::{TraceContextExt, TraceId};
use otel_messaging_lapin::consumer::BatchDelivery;
use otel_messaging_lapin::{InjectingProducer, Lapin, Settlement, Settler, current_context};
use std::collections::HashSet;
use std::sync::Mutex;

pub(super) type Item<'a> = BatchDelivery<&'a Delivery, Lapin, Settler>;

pub(super) const MESSAGES: u16 = 100;
const COUNT: &str = "messaging.batch.message_count";

/// Messages that have their numbers as payloads, each from a trace of its own, delivered to one channel.
pub(super) struct Batch {
    pub(super) shop: Shop,
    channel: Channel,
    /// It is kept because its end says that the channel's open messages are in their queue again.
    consumer: Consumer,
    pub(super) deliveries: Vec<Delivery>,
    traces: Vec<TraceId>,
}

impl Batch {
    pub(super) async fn deliver(messages: u16) -> Self {
        let shop = Shop::open().await;
        shop.get(&shop.queue)
            .await
            .expect("the order of every shop");
        let producer = InjectingProducer::new(shop.client.channel.clone());
        let producer = producer.with_instrumentation(shop.spans.instrumentation.clone());
        let mut traces = Vec::new();
        for number in 0..messages {
            let root = shop.spans.root("place order");
            traces.push(root.span().span_context().trace_id());
            let (queue, order) = (shop.queue.clone(), number.to_string());
            let properties = BasicProperties::default();
            let publish = {
                let _root = root.attach();
                producer.basic_publish("".into(), queue, PLAIN, order.as_bytes(), properties)
            };
            let confirm = publish.await.expect("published");
            confirm.await.expect("confirmed");
        }
        let channel = shop.client.open_channel().await;
        let mut consumer = consume(&channel, &shop.queue).await;
        let deliveries = consumer.by_ref().take(messages.into()).collect::<Vec<_>>();
        let deliveries = in_time("deliveries", deliveries).await;
        let deliveries = deliveries.into_iter().map(|it| it.expect("a delivery"));
        Self {
            deliveries: deliveries.collect(),
            channel,
            consumer,
            shop,
            traces,
        }
    }

    /// The numbers of the messages that come again, and of those that were put aside.
    pub(super) async fn left(self) -> [Vec<u16>; 2] {
        self.all_sent().await;
        let closed = self.channel.close(200, "done".into());
        closed.await.expect("closed");
        let shop = &self.shop;
        consumers_gone(&shop.client.channel, &shop.queue).await;
        drop(self.consumer);
        let mut left = [Vec::new(), Vec::new()];
        for (queue, numbers) in [&shop.queue, &shop.letters].into_iter().zip(&mut left) {
            while let Some(message) = shop.get(queue).await {
                numbers.push(number_of(&message));
            }
            numbers.sort_unstable();
        }
        left
    }

    /// lapin sends a settlement whose future was dropped in the background. So this settles one more message of
    /// the channel, and waits for it.
    async fn all_sent(&self) {
        let queue = self.shop.client.declare_queue(FieldTable::default()).await;
        let (properties, options) = (BasicProperties::default(), BasicGetOptions::default());
        let channel = &self.channel;
        let sent = channel.basic_publish("".into(), queue.clone(), PLAIN, b"last", properties);
        sent.await.expect("published").await.expect("taken");
        let last = async {
            loop {
                let got = channel.basic_get(queue.clone(), options);
                if let Some(last) = got.await.expect("the broker has not closed the channel") {
                    return last;
                }
            }
        };
        let last = in_time("the last message", last).await;
        assert!(last.ack(BasicAckOptions::default()).await.expect("sent"));
    }

    pub(super) fn spans_of(&self, operation: &str) -> usize {
        let name = self.shop.span(operation);
        let all = self.shop.spans.all();
        all.iter().filter(|span| span.name == name).count()
    }

    /// How many messages were settled so, alone or with others.
    pub(super) fn settled_by(&self, operation: &str) -> i64 {
        let name = self.shop.span(operation);
        let all = self.shop.spans.all();
        let settled = all.iter().filter(|span| span.name == name);
        let counts = settled.map(|span| match attribute(span, COUNT) {
            Some(Value::I64(count)) => count,
            other => {
                assert_eq!(other, None);
                1
            }
        });
        counts.sum()
    }

    /// The one settlement of the batch, of so many messages.
    fn assert_settled(&self, operation: &str, count: u16) {
        let process = self.shop.spans.named(&self.shop.span("process"));
        assert_eq!(process.links.len(), self.deliveries.len());
        let settle = self.shop.spans.named(&self.shop.span(operation));
        assert_eq!(settle.parent_span_id, process.span_context.span_id());
        let settled = attribute(&settle, COUNT);
        assert_eq!(settled, Some(i64::from(count).into()));
    }
}

pub(super) fn number_of(delivery: &Delivery) -> u16 {
    let number = str::from_utf8(&delivery.data).expect("a number");
    number.parse().expect("a number")
}

fn current_trace() -> TraceId {
    current_context().span().span_context().trace_id()
}

#[apply(broker_test)]
async fn a_batch_is_settled_by_its_outcome() {
    for (chosen, result, operation, left) in [
        (Settlement::Ack, Ok(()), "ack", [0, 0]),
        (Settlement::AckMultiple, Ok(()), "ack", [0, 0]),
        (Settlement::Requeue, Err("full"), "nack", [MESSAGES, 0]),
        (Settlement::Reject, Err("full"), "reject", [0, MESSAGES]),
    ] {
        let batch = Batch::deliver(MESSAGES).await;
        let seen = Mutex::new(Vec::new());
        let by = &batch.shop.spans.instrumentation;
        let settled = by.with_batch_settlement(&batch.deliveries, async |each: Vec<Item<'_>>| {
            let each = each.into_iter().map(|delivery| {
                delivery.run(async |_: &Delivery| {
                    tokio::task::yield_now().await;
                    seen.lock().expect("not poisoned").push(current_trace());
                })
            });
            join_all(each).await;
            result
        });
        let settled = in_time("a batch", settled.and(chosen).or(chosen)).await;
        assert_eq!(settled, Ok(result));
        assert_eq!(seen.into_inner().expect("not poisoned"), batch.traces);
        batch.assert_settled(operation, MESSAGES);
        let numbers = batch.left().await.map(|left| left.len());
        assert_eq!(numbers, left.map(usize::from), "{chosen:?}");
    }
}

/// A delivery that the channel had before the batch, and that is still handled, is acknowledged with it.
#[apply(broker_test)]
async fn one_acknowledgement_of_all_covers_earlier_deliveries() {
    for (chosen, left) in [
        (None, vec![0]),
        (Some(Settlement::Ack), vec![0]),
        (Some(Settlement::AckMultiple), vec![]),
    ] {
        let mut batch = Batch::deliver(4).await;
        let earlier = batch.deliveries.remove(0);
        assert_eq!(number_of(&earlier), 0);
        let by = &batch.shop.spans.instrumentation;
        let handler = async |_: Vec<Item<'_>>| Ok::<_, String>(());
        let settled = by.with_batch_settlement(&batch.deliveries, handler);
        let settled = match chosen {
            Some(chosen) => in_time("a batch", settled.and(chosen)).await,
            None => in_time("a batch", settled).await,
        };
        assert_eq!(settled, Ok(Ok(())));
        batch.assert_settled("ack", 3);
        assert_eq!(batch.left().await, [left, vec![]], "{chosen:?}");
    }
}

#[apply(broker_test)]
async fn each_of_a_batch_is_settled_by_its_own_outcome() {
    let batch = Batch::deliver(MESSAGES).await;
    let by = &batch.shop.spans.instrumentation;
    let traces = &batch.traces;
    let settled = by.with_batch_settlement(&batch.deliveries, async |each: Vec<Item<'_>>| {
        let each = each.into_iter().map(|delivery| {
            let handled = delivery.with_settlement(async |delivery: &Delivery| {
                let number = number_of(delivery);
                tokio::task::yield_now().await;
                assert_eq!(current_trace(), traces[usize::from(number)]);
                match number % 4 {
                    0 => Err("no such order"),
                    1 => Err("busy"),
                    _ => Ok(()),
                }
            });
            handled.or_else(|error| match *error {
                "busy" => Settlement::Requeue,
                _ => Settlement::Reject,
            })
        });
        let mut settled = join_all(each).await.into_iter();
        settled.try_for_each(|settled| settled.map(drop))
    });
    let settled = in_time("a batch", settled).await.expect("settled");
    settled.expect("each is settled");
    let of = |operation| batch.spans_of(operation);
    assert_eq!(
        [of("ack"), of("nack"), of("reject"), of("process")],
        [50, 25, 25, 1]
    );
    // In the trace of its message.
    let acked = batch.shop.span("ack");
    let all = batch.shop.spans.all();
    let acked = all.iter().filter(|span| span.name == acked);
    let acked: HashSet<_> = acked.map(|span| span.span_context.trace_id()).collect();
    let expected = batch
        .traces
        .iter()
        .enumerate()
        .filter(|(number, _)| number % 4 > 1);
    assert_eq!(acked, expected.map(|(_, trace)| *trace).collect());
    let numbers = |rest| (0..MESSAGES).filter(move |number| number % 4 == rest);
    assert_eq!(
        batch.left().await,
        [numbers(1).collect::<Vec<_>>(), numbers(0).collect()]
    );
}
