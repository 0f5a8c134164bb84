//! Ways to receive beside the consumer's stream, which the scenarios use.

use crate::PLAIN;
use futures_util::StreamExt;
use integration_tests::client::{Client, in_time};
use integration_tests::rabbitmq::{RabbitMq, next};
use integration_tests::scenarios::collected;
use integration_tests::spans::{Spans, assert_child, assert_links, attribute};
use integration_tests::{apply, broker_test};
use lapin::message::{Delivery, DeliveryResult};
use lapin::options::{
    BasicAckOptions, BasicCancelOptions, BasicGetOptions, BasicRecoverAsyncOptions,
};
use lapin::types::{FieldTable, ShortString};
use lapin::{BasicProperties, ConsumerDelegate};
use opentelemetry::trace::SpanContext;
use otel_messaging::Instrumentation;
use otel_messaging::producer::Join;
use std::pin::Pin;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

/// A batch of the consumer's stream, and a message that is made of all.
#[apply(broker_test)]
async fn a_batch_is_collected_and_joined() {
    let client = RabbitMq::connect().await;
    let queue = client.declare_queue(FieldTable::default()).await;
    let sums = client.declare_queue(FieldTable::default()).await;
    let mut consumer = client.consume(&queue).await;
    let mut senders = Vec::new();
    for _ in 0..5 {
        senders.push(publish(&client, &Spans::new(), &queue).await);
    }
    for sent in [&senders[..3], &senders[3..]] {
        let deliveries = collected(&mut consumer, sent.len()).await;
        let spans = Spans::new();
        let by = &spans.instrumentation;
        let handling = by.with_batch_context(&deliveries, async |batch| {
            for message in batch {
                message.run(ack).await;
            }
            Join::of(&deliveries)
                .run(async || publish(&client, &spans, &sums).await)
                .await
        });
        handling.await;
        let sent: Vec<_> = sent.iter().collect();
        assert_links(&spans.named(&format!("process {queue}")), &sent);
        assert_links(&spans.named(&format!("publish {sums}")), &sent);
    }
}

/// A function as a delegate is handed the delivery, and handles it as a loop would.
#[apply(broker_test)]
async fn a_delegate_joins() {
    let (client, spans) = (RabbitMq::connect().await, Spans::new());
    let queue = client.declare_queue(FieldTable::default()).await;
    let consumer = client.consume(&queue).await;
    let (by, (done, mut handled)) = (spans.instrumentation.clone(), unbounded_channel());
    consumer.set_delegate(move |delivery: DeliveryResult| {
        let (by, done) = (by.clone(), done.clone());
        async move {
            if let Ok(Some(delivery)) = delivery {
                by.with_message_context(&delivery, ack).await;
                done.send(()).expect("the test waits");
            }
        }
    });
    let sender = publish(&client, &spans, &queue).await;
    in_time("the delegate", handled.recv()).await;
    let processed = spans.named(&format!("process {queue}"));
    assert_child(&processed, &sender);
}

/// A delegate of a type of its own, for which the broker starts over.
#[apply(broker_test)]
async fn a_delegate_is_told_to_drop_what_comes_again() {
    struct Delegate {
        by: Instrumentation,
        /// What was done.
        done: UnboundedSender<&'static str>,
    }

    impl ConsumerDelegate for Delegate {
        fn on_new_delivery(
            &self,
            delivery: DeliveryResult,
        ) -> Pin<Box<dyn Future<Output = ()> + Send>> {
            let (by, done) = (self.by.clone(), self.done.clone());
            Box::pin(async move {
                if let Ok(Some(delivery)) = delivery {
                    let processing = by.process(&delivery);
                    processing.run(async move { drop(delivery) }).await;
                    done.send("handled").expect("the test waits");
                }
            })
        }

        fn drop_prefetched_messages(&self) -> Pin<Box<dyn Future<Output = ()> + Send>> {
            let done = self.done.clone();
            Box::pin(async move { done.send("dropped").expect("the test waits") })
        }
    }

    let (client, spans) = (RabbitMq::connect().await, Spans::new());
    let queue = client.declare_queue(FieldTable::default()).await;
    let consumer = client.consume(&queue).await;
    let (done, mut told) = unbounded_channel();
    consumer.set_delegate(Delegate {
        by: spans.instrumentation.clone(),
        done,
    });
    let sender = publish(&client, &spans, &queue).await;
    assert_eq!(in_time("a delivery", told.recv()).await, Some("handled"));

    let again = BasicRecoverAsyncOptions { requeue: true };
    let recovered = client.channel.basic_recover_async(again);
    recovered.await.expect("recovered");
    let mut rest = Vec::new();
    for _ in 0..2 {
        rest.extend(in_time("a delivery", told.recv()).await);
    }
    rest.sort_unstable();
    assert_eq!(rest, ["dropped", "handled"]);

    let all = spans.all();
    let processed: Vec<_> = all
        .iter()
        .filter(|span| span.name == format!("process {queue}"))
        .collect();
    let redelivered = processed.iter().map(|span| {
        assert_child(span, &sender);
        attribute(span, "rabbitmq.message.redelivered")
    });
    assert_eq!(redelivered.collect::<Vec<_>>(), [None, Some(true.into())]);
}

/// A consumer that is cancelled by the handler of its last message; the next waits in the queue,
/// with its context.
#[apply(broker_test)]
async fn what_a_cancelled_consumer_leaves_joins_later() {
    let (client, spans) = (RabbitMq::connect().await, Spans::new());
    let queue = client.declare_queue(FieldTable::default()).await;
    let mut consumer = client.consume(&queue).await;
    let _ = publish(&client, &Spans::new(), &queue).await;
    let delivery = next(&mut consumer).await;
    let by = &spans.instrumentation;
    let cancelled = by.try_with_message_context(&delivery, async |delivery: &Delivery| {
        let options = BasicCancelOptions::default();
        client.channel.basic_cancel(consumer.tag(), options).await?;
        delivery.ack(BasicAckOptions::default()).await
    });
    assert!(cancelled.await.expect("cancelled"));
    assert!(in_time("the end", consumer.next()).await.is_none());

    let later = Spans::new();
    let sender = publish(&client, &later, &queue).await;
    let options = BasicGetOptions { no_ack: true };
    let message = client.channel.basic_get(queue.clone(), options);
    let message = message.await.expect("an answer").expect("a message");
    later
        .instrumentation
        .with_message_context(&message, |_| async {})
        .await;
    assert_child(&later.named(&format!("process {queue}")), &sender);
    assert!(spans.has(&format!("process {queue}")));
}

async fn ack(delivery: &Delivery) {
    let acked = delivery.ack(BasicAckOptions::default()).await;
    assert!(acked.expect("acked"));
}

async fn publish(client: &RabbitMq, spans: &Spans, queue: &ShortString) -> SpanContext {
    let properties = BasicProperties::default();
    let producer = client.producer(spans);
    let confirm = producer.basic_publish("".into(), queue.clone(), PLAIN, b"order", properties);
    confirm.await.expect("published").await.expect("confirmed");
    spans.named(&format!("publish {queue}")).span_context
}
