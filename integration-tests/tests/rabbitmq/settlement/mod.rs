//! Deliveries that are settled by the outcome of their handlers.

mod batches;
mod by_hand;
mod dropped;
mod dropped_batches;
mod killed;
mod load;

use crate::PLAIN;
use integration_tests::client::{Client, in_time, unique};
use integration_tests::rabbitmq::{RabbitMq, consume, next};
use integration_tests::spans::{Spans, assert_child, assert_unfailed, attribute};
use integration_tests::{apply, broker_test};
use lapin::message::{BasicGetMessage, Delivery};
use lapin::options::{BasicGetOptions, BasicPublishOptions, BasicQosOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable, LongString, ShortString};
use lapin::{BasicProperties, Channel, Consumer};
use opentelemetry::trace::{SpanKind, Status};
use otel_messaging_lapin::{Failure, InjectingProducer, Settlement};

type Handled = Result<(), &'static str>;

/// Waits until no channel consumes the queue. What they had open is then in it again.
async fn consumers_gone(channel: &Channel, queue: &ShortString) {
    let passive = QueueDeclareOptions {
        passive: true,
        ..Default::default()
    };
    let gone = async {
        loop {
            let state = channel.queue_declare(queue.clone(), passive, FieldTable::default());
            if state.await.expect("the queue").consumer_count() == 0 {
                return;
            }
        }
    };
    in_time("the end of the consumers", gone).await;
}

async fn refuse<M>(_message: &M) -> Handled {
    Err("no such order")
}

/// A queue with a message, whose dead letters go to another queue.
struct Shop {
    client: RabbitMq,
    spans: Spans,
    queue: ShortString,
    letters: ShortString,
}

impl Shop {
    async fn open() -> Self {
        let client = RabbitMq::connect().await;
        let letters = client.declare_queue(FieldTable::default()).await;
        let mut arguments = FieldTable::default();
        let text = |text: &str| AMQPValue::LongString(LongString::from(text));
        arguments.insert("x-dead-letter-exchange".into(), text(""));
        arguments.insert("x-dead-letter-routing-key".into(), text(letters.as_str()));
        let queue = client.declare_queue(arguments).await;
        let shop = Self {
            client,
            spans: Spans::new(),
            queue,
            letters,
        };
        shop.publish("order").await;
        shop
    }

    async fn publish(&self, order: &str) {
        let (queue, properties) = (self.queue.clone(), BasicProperties::default());
        let channel = &self.client.channel;
        let confirm = channel.basic_publish("".into(), queue, PLAIN, order.as_bytes(), properties);
        confirm.await.expect("published").await.expect("confirmed");
    }

    /// A delivery, on a channel of its own that has one at a time.
    async fn delivery(&self) -> (Receiver, Delivery) {
        let channel = self.client.open_channel().await;
        let prefetched = channel.basic_qos(1, BasicQosOptions::default());
        prefetched.await.expect("a prefetch");
        let mut receiver = Receiver {
            consumer: consume(&channel, &self.queue).await,
            channel,
        };
        let delivery = next(&mut receiver.consumer).await;
        (receiver, delivery)
    }

    async fn get(&self, queue: &ShortString) -> Option<BasicGetMessage> {
        let message = self
            .client
            .channel
            .basic_get(queue.clone(), BasicGetOptions { no_ack: true });
        message.await.expect("an answer")
    }

    /// What became of the order. The receiver has one message at a time, so its next one says that the
    /// broker has the settlement.
    async fn left(&self, mut receiver: Receiver) -> Left {
        self.publish("next").await;
        let next = next(&mut receiver.consumer).await;
        if next.data == b"order" {
            return Left::Queue(next.redelivered);
        }
        assert_eq!(next.data, b"next");
        match self.get(&self.letters).await {
            None => Left::Nowhere,
            Some(letter) => Left::Letters(letter.data.clone()),
        }
    }

    fn span(&self, operation: &str) -> String {
        format!("{operation} {}", self.queue)
    }

    /// The settlement is the only child of the message's span.
    fn assert_settled(&self, operation: &str) {
        let process = self.spans.named(&self.span("process"));
        let settle = self.spans.named(&self.span(operation));
        assert_child(&settle, &process.span_context);
        assert_unfailed(&settle);
        assert_eq!(settle.span_kind, SpanKind::Client);
        assert!(process.start_time <= settle.start_time && settle.end_time <= process.end_time);
        for (key, value) in [
            ("messaging.operation.type", "settle"),
            ("messaging.operation.name", operation),
            ("messaging.destination.name", self.queue.as_str()),
        ] {
            assert_eq!(attribute(&settle, key), Some(value.to_owned().into()));
        }
        let tag = attribute(&settle, "rabbitmq.message.delivery_tag");
        assert_eq!(tag, Some(1.into()));
        assert_eq!(self.spans.all().len(), 2);
    }
}

/// A consumer that has one message at a time.
struct Receiver {
    channel: Channel,
    consumer: Consumer,
}

#[derive(Debug, PartialEq)]
enum Left {
    Nowhere,
    /// Whether it was delivered before.
    Queue(bool),
    Letters(Vec<u8>),
}

#[apply(broker_test)]
async fn a_message_is_settled_by_its_handlers_outcome() {
    for (handled, chosen, operation, left) in [
        (Ok(()), None, "ack", Left::Nowhere),
        (Err("no order"), None, "nack", Left::Queue(true)),
        (
            Err("no order"),
            Some(Settlement::Requeue),
            "nack",
            Left::Queue(true),
        ),
        (
            Err("no order"),
            Some(Settlement::Reject),
            "reject",
            Left::Letters(b"order".into()),
        ),
        (Err("no order"), Some(Settlement::Ack), "ack", Left::Nowhere),
    ] {
        let shop = Shop::open().await;
        let (receiver, delivery) = shop.delivery().await;
        let by = &shop.spans.instrumentation;
        let settling = by.with_settlement(&delivery, async |_: &Delivery| handled);
        let settled = match chosen {
            Some(chosen) => in_time("a settlement", settling.or(chosen)).await,
            None => in_time("a settlement", settling).await,
        };
        assert_eq!(settled, Ok(handled));
        assert_eq!(shop.left(receiver).await, left);
        shop.assert_settled(operation);
        let process = shop.spans.named(&shop.span("process"));
        let status = handled.map_or_else(Status::error, |()| Status::Unset);
        assert_eq!(process.status, status);
    }
}

#[apply(broker_test)]
async fn a_function_of_the_error_chooses() {
    let shop = Shop::open().await;
    let (receiver, delivery) = shop.delivery().await;
    let by = &shop.spans.instrumentation;
    let settled = by
        .with_settlement(&delivery, refuse)
        .or_else(|error| match *error {
            "no such order" => Settlement::Reject,
            _ => Settlement::Requeue,
        });
    assert_eq!(
        in_time("a settlement", settled).await,
        Ok(Err("no such order"))
    );
    assert_eq!(shop.left(receiver).await, Left::Letters(b"order".into()));
}

#[apply(broker_test)]
async fn a_message_that_was_got_is_settled_too() {
    let shop = Shop::open().await;
    let channel = &shop.client.channel;
    let got = channel.basic_get(shop.queue.clone(), BasicGetOptions::default());
    let got = got.await.expect("an answer").expect("a message");
    let by = &shop.spans.instrumentation;
    let settled = by.with_settlement(&got, refuse).or(Settlement::Reject);
    let settled = in_time("a settlement", settled).await;
    assert_eq!(settled, Ok(Err("no such order")));
    let letter = next(&mut shop.client.consume(&shop.letters).await).await;
    assert_eq!(letter.data, b"order");
    shop.assert_settled("reject");
}

/// Puts the message aside through the wrapped channel, and acknowledges it when the broker has the letter.
#[apply(broker_test)]
async fn a_message_that_was_put_aside_is_acknowledged() {
    for (letters, left) in [
        (true, Left::Letters(b"order".into())),
        (false, Left::Queue(true)),
    ] {
        let shop = Shop::open().await;
        let (receiver, delivery) = shop.delivery().await;
        let by = &shop.spans.instrumentation;
        let producer =
            InjectingProducer::new(shop.client.channel.clone()).with_instrumentation(by.clone());
        let letters = if letters {
            shop.letters.clone()
        } else {
            unique("nowhere").into()
        };
        let settled = by
            .with_settlement(&delivery, refuse)
            .on_error(async |error| {
                let options = BasicPublishOptions {
                    mandatory: true,
                    ..PLAIN
                };
                let letter = producer.dead_letter(&delivery, &error, "".into(), letters, options);
                let confirm = letter.await.expect("sent").await.expect("an answer");
                match confirm.take_message() {
                    None => Ok(()),
                    Some(returned) => Err(returned.reply_text.to_string()),
                }
            });
        let settled = in_time("a settlement", settled).await.expect("settled");
        assert_eq!(
            settled.is_ok(),
            matches!(left, Left::Letters(_)),
            "{settled:?}"
        );
        assert_eq!(shop.left(receiver).await, left);
        let process = shop.spans.named(&shop.span("process")).span_context;
        let operation = if settled.is_ok() { "ack" } else { "nack" };
        assert_child(&shop.spans.named(&shop.span(operation)), &process);
    }
}

#[apply(broker_test)]
async fn a_settlement_on_a_closed_channel_is_an_error() {
    let shop = Shop::open().await;
    let (receiver, delivery) = shop.delivery().await;
    let by = &shop.spans.instrumentation;
    let settled = by.with_settlement_with(
        &delivery,
        async |_: &Delivery| {
            receiver
                .channel
                .close(200, "done".into())
                .await
                .expect("closed");
            Ok::<_, ()>(())
        },
        |()| Some(Failure::new("none", "none")),
    );
    let error = in_time("a settlement", settled).await.expect_err("closed");
    assert!(
        matches!(error.kind(), lapin::ErrorKind::InvalidChannelState(..)),
        "{error:?}"
    );
    let span = shop.spans.named(&shop.span("ack"));
    assert_eq!(
        attribute(&span, "error.type"),
        Some("InvalidChannelState".into())
    );
    assert_unfailed(&shop.spans.named(&shop.span("process")));
    let message = shop.get(&shop.queue).await.expect("the message");
    assert!(message.redelivered);
}
