//! RabbitMQ through lapin.

use crate::recorder::Recorder;
use futures_util::StreamExt;
use integration_tests::client::{address, in_time, unique};
use integration_tests::{apply, broker_test};
use lapin::message::Delivery;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicGetOptions, BasicNackOptions, BasicPublishOptions,
    ConfirmSelectOptions, QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable, LongString, ShortString};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties, Consumer, ErrorKind};
use opentelemetry::baggage::BaggageExt;
use opentelemetry::propagation::text_map_propagator::FieldIter;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::FutureExt;
use opentelemetry::{Context, KeyValue};
use otel_messaging::Instrumentation;
use otel_messaging::consumer::BatchMessage;
use otel_messaging_lapin::{InjectingProducer, PublisherConfirm, Settlement, consumer_info};
use std::io;
use std::sync::LazyLock;
use std::time::SystemTime;

const EMPTY: BasicPublishOptions = BasicPublishOptions {
    mandatory: false,
    immediate: false,
};

/// A channel with confirms, and an exclusive queue that is consumed.
pub(crate) struct Shop {
    pub(crate) channel: Channel,
    pub(crate) queue: ShortString,
    pub(crate) consumer: Consumer,
    _connection: Connection,
}

impl Shop {
    pub(crate) async fn open(recorder: &mut Recorder) -> Self {
        let url = address("AMQP_URL");
        let connecting = Connection::connect(&url, ConnectionProperties::default());
        let connection = in_time("connect", connecting).await.expect("RabbitMQ");
        let channel = connection.create_channel().await.expect("a channel");
        let confirms = ConfirmSelectOptions::default();
        channel.confirm_select(confirms).await.expect("confirms");
        let queue = declare(&channel, &unique("orders")).await;
        recorder.replace(queue.as_str(), "orders-<id>");
        let consumer = consume(&channel, &queue, "billing-1").await;
        Self {
            channel,
            queue,
            consumer,
            _connection: connection,
        }
    }

    pub(crate) fn producer(&self, by: &Instrumentation) -> InjectingProducer<Channel> {
        InjectingProducer::new(self.channel.clone()).with_instrumentation(by.clone())
    }

    async fn publish(&self, by: &Instrumentation, properties: BasicProperties) {
        let producer = self.producer(by);
        let confirm =
            producer.basic_publish("".into(), self.queue.clone(), EMPTY, b"order", properties);
        confirmed(confirm).await;
    }

    pub(crate) async fn next(&mut self) -> Delivery {
        next(&mut self.consumer).await
    }
}

async fn declare(channel: &Channel, name: &str) -> ShortString {
    let options = QueueDeclareOptions {
        exclusive: true,
        ..Default::default()
    };
    let declared = channel.queue_declare(name.into(), options, FieldTable::default());
    declared.await.expect("a queue").name().clone()
}

async fn consume(channel: &Channel, queue: &ShortString, tag: &str) -> Consumer {
    let options = BasicConsumeOptions::default();
    let consumer = channel.basic_consume(queue.clone(), tag.into(), options, FieldTable::default());
    consumer.await.expect("a consumer")
}

async fn next(consumer: &mut Consumer) -> Delivery {
    let next = in_time("a delivery", consumer.next()).await;
    next.expect("the consumer goes on").expect("a delivery")
}

pub(crate) async fn confirmed(publish: impl Future<Output = lapin::Result<PublisherConfirm>>) {
    let confirm = publish.await.expect("the channel takes it");
    in_time("a confirm", confirm).await.expect("an answer");
}

fn header(name: &str, value: &str) -> BasicProperties {
    let mut headers = FieldTable::default();
    headers.insert(name.into(), AMQPValue::LongString(LongString::from(value)));
    BasicProperties::default().with_headers(headers)
}

/// Everything that a message can say of itself.
fn everything() -> BasicProperties {
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    header("x-tenant", "acme")
        .with_message_id("7".into())
        .with_correlation_id("order-7".into())
        .with_timestamp(now.as_secs())
}

async fn ack(delivery: &Delivery) {
    delivery.ack(BasicAckOptions::default()).await.expect("ack");
}

#[apply(broker_test)]
async fn rabbitmq_emits_what_is_listed() {
    let mut recorder = Recorder::new("rabbitmq");
    let mut shop = Shop::open(&mut recorder).await;
    a_message(&mut recorder, &mut shop).await;
    with_everything(&mut recorder, &mut shop).await;
    destinations(&mut recorder, &mut shop).await;
    sent_on(&mut recorder, &mut shop).await;
    polls(&mut recorder, &mut shop).await;
    settlements(&mut recorder, &mut shop).await;
    contexts(&mut recorder, &mut shop).await;
    batches(&mut recorder, &mut shop).await;
    failures(&mut recorder, &mut shop).await;
    recorder.assert();
}

async fn a_message(recorder: &mut Recorder, shop: &mut Shop) {
    let plain = recorder.plain.clone();
    shop.publish(&plain, BasicProperties::default()).await;
    recorder.case("basic_publish");
    let delivery = shop.next().await;
    plain.with_message_context(&delivery, ack).await;
    recorder.case("process");
}

async fn with_everything(recorder: &mut Recorder, shop: &mut Shop) {
    let full = recorder.full.clone();
    let producer = shop.producer(&full).with_server("mq.internal", 5672);
    let publish =
        producer.basic_publish("".into(), shop.queue.clone(), EMPTY, b"order", everything());
    confirmed(publish).await;
    recorder.case("basic_publish, with everything");
    let info = consumer_info(&shop.consumer)
        .with_server("mq.internal", 5672)
        .with_group("billing")
        .with_subscription("eu");
    let consumer = full.consumer(info);
    let polled = in_time("a delivery", consumer.receive(shop.consumer.next())).await;
    recorder.case("receive, with everything");
    let delivery = polled.expect("the consumer goes on").expect("a delivery");
    consumer.with_message_context(&delivery, ack).await;
    recorder.case("process of what was received, with everything");

    shop.publish(&full, everything()).await;
    let delivery = shop.next().await;
    // The handle has not received this one.
    let unpolled = full.consumer(consumer_info(&shop.consumer).with_server("mq.internal", 5672));
    unpolled.with_message_context(&delivery, ack).await;
    recorder.case("basic_publish, and process with everything, by a handle that does not receive");
    let forward = producer.forward(&delivery, "".into(), shop.queue.clone(), EMPTY);
    confirmed(forward).await;
    recorder.case("forward, with everything");
    ack(&shop.next().await).await;
}

async fn destinations(recorder: &mut Recorder, shop: &mut Shop) {
    let templated = recorder.templated.clone();
    let consumer = templated.consumer(consumer_info(&shop.consumer));
    shop.publish(&templated, BasicProperties::default()).await;
    let polled = in_time("a delivery", consumer.receive(shop.consumer.next())).await;
    let delivery = polled.expect("the consumer goes on").expect("a delivery");
    consumer.with_message_context(&delivery, ack).await;
    let producer = shop.producer(&templated);
    confirmed(producer.forward(&delivery, "".into(), shop.queue.clone(), EMPTY)).await;
    ack(&shop.next().await).await;
    recorder.case("basic_publish, receive, process and forward by a template");

    let full = recorder.full.clone();
    let producer = shop.producer(&full);
    let exchange = ShortString::from("amq.direct");
    let bound = shop.channel.queue_bind(
        shop.queue.clone(),
        exchange.clone(),
        "parcels".into(),
        Default::default(),
        FieldTable::default(),
    );
    bound.await.expect("a binding");
    let properties = BasicProperties::default();
    let publish = producer.basic_publish(exchange, "parcels".into(), EMPTY, b"order", properties);
    confirmed(publish).await;
    let delivery = shop.next().await;
    let consumer = full.consumer(consumer_info(&shop.consumer));
    consumer.with_message_context(&delivery, ack).await;
    recorder.case("basic_publish and process, by an exchange");

    // The broker names this queue.
    let queue = declare(&shop.channel, "").await;
    recorder.replace(queue.as_str(), "amq.gen-<id>");
    let mut answers = consume(&shop.channel, &queue, "answers-1").await;
    let properties = BasicProperties::default();
    confirmed(producer.publish_reply(queue.clone(), EMPTY, b"answer", properties.clone())).await;
    recorder.case("publish_reply");
    ack(&next(&mut answers).await).await;
    confirmed(producer.basic_publish("".into(), queue.clone(), EMPTY, b"answer", properties)).await;
    let consumer = full.consumer(consumer_info(&answers));
    let polled = in_time("a delivery", consumer.receive(answers.next())).await;
    let delivery = polled.expect("the consumer goes on").expect("a delivery");
    consumer.with_message_context(&delivery, ack).await;
    confirmed(producer.forward(&delivery, "".into(), queue, EMPTY)).await;
    recorder
        .case("basic_publish, receive, process and forward, of a queue that the broker has named");
}

async fn sent_on(recorder: &mut Recorder, shop: &mut Shop) {
    let plain = recorder.plain.clone();
    shop.publish(&plain, BasicProperties::default()).await;
    let delivery = shop.next().await;
    recorder.case("basic_publish of a message to be sent on");
    let (producer, name) = (shop.producer(&plain), shop.queue.clone());
    let queue = || name.clone();
    confirmed(producer.forward(&delivery, "".into(), queue(), EMPTY)).await;
    recorder.case("forward");
    confirmed(producer.republish(&delivery, "".into(), queue(), EMPTY)).await;
    recorder.case("republish");
    let error = io::Error::other("no such card");
    confirmed(producer.dead_letter(&delivery, &error, "".into(), queue(), EMPTY)).await;
    recorder.case("dead_letter");
    ack(&delivery).await;
    for _ in 0..3 {
        ack(&shop.next().await).await;
    }
    shop.channel
        .basic_publish(
            "".into(),
            queue(),
            EMPTY,
            b"order",
            BasicProperties::default(),
        )
        .await
        .expect("the channel takes it")
        .await
        .expect("an answer");
    let delivery = shop.next().await;
    confirmed(producer.forward(&delivery, "".into(), queue(), EMPTY)).await;
    recorder.case("forward of a message without context");
    ack(&delivery).await;
    ack(&shop.next().await).await;
}

async fn refuse_each(batch: Vec<BatchMessage<&Delivery>>) {
    for message in batch {
        let refused = message.try_run(async |_| Err::<(), _>(io::Error::other("no such card")));
        refused.await.expect_err("not handled");
    }
}

async fn polls(recorder: &mut Recorder, shop: &mut Shop) {
    let plain = recorder.plain.clone();
    let consumer = plain.consumer(consumer_info(&shop.consumer));
    shop.publish(&plain, BasicProperties::default()).await;
    let delivery = shop.next().await;
    let again = BasicNackOptions {
        requeue: true,
        ..Default::default()
    };
    delivery.nack(again).await.expect("nack");
    let polled = in_time("a delivery", consumer.receive(shop.consumer.next())).await;
    let delivery = polled.expect("the consumer goes on").expect("a delivery");
    consumer.with_message_context(&delivery, ack).await;
    recorder.case("basic_publish, and receive and process of the second delivery");

    for _ in 0..2 {
        shop.publish(&plain, BasicProperties::default()).await;
    }
    recorder.case("basic_publish, twice");
    let both = async { vec![shop.next().await, shop.next().await] };
    let deliveries = consumer.receive(both).await;
    recorder.case("receive of a list");
    for delivery in &deliveries {
        ack(delivery).await;
    }

    let by = recorder.full.consumer(consumer_info(&shop.consumer));
    for properties in [BasicProperties::default(), everything()] {
        shop.publish(&plain, properties).await;
    }
    recorder.case("basic_publish, twice, for a batch");
    let deliveries = [shop.next().await, shop.next().await];
    by.with_batch_context(&deliveries, refuse_each).await;
    recorder.case("process of a batch, with everything");
    for delivery in &deliveries {
        ack(delivery).await;
    }

    let queue = declare(&shop.channel, &unique("orders-of-get")).await;
    recorder.replace(queue.as_str(), "orders-of-get-<id>");
    let producer = shop.producer(&plain);
    let properties = BasicProperties::default();
    confirmed(producer.basic_publish("".into(), queue.clone(), EMPTY, b"order", properties)).await;
    let options = BasicGetOptions { no_ack: true };
    let got = consumer
        .receive(shop.channel.basic_get(queue.clone(), options))
        .await;
    assert!(got.expect("an answer").is_some());
    recorder.case("basic_publish, and receive by basic_get");
    let got = consumer
        .receive(shop.channel.basic_get(queue, options))
        .await;
    assert!(got.expect("an answer").is_none());
    recorder.case("receive by basic_get of an empty queue");
}

async fn settlements(recorder: &mut Recorder, shop: &mut Shop) {
    let (plain, full) = (recorder.plain.clone(), recorder.full.clone());
    let handle = async |_: &Delivery| Ok::<_, io::Error>(());
    let templated = recorder.templated.clone();
    shop.publish(&templated, BasicProperties::default()).await;
    recorder.case("basic_publish of a message that is settled, by a template");
    let delivery = shop.next().await;
    let settled = templated.with_settlement(&delivery, handle).await;
    settled.expect("settled").expect("handled");
    recorder.case("process and ack, by a template");

    shop.publish(&full, everything()).await;
    recorder.case("basic_publish of a message that is settled, with everything");
    let info = consumer_info(&shop.consumer)
        .with_server("mq.internal", 5672)
        .with_group("billing")
        .with_subscription("eu")
        .with_queue("paid");
    let billing = full.consumer(info);
    let delivery = shop.next().await;
    let refuse = async |_: &Delivery| Err::<(), _>(io::Error::other("no such card"));
    let settled = billing.with_settlement(&delivery, refuse).await;
    settled.expect("settled").expect_err("not handled");
    recorder.case("process that fails, and nack, with everything");
    let delivery = shop.next().await;
    let settled = billing.with_settlement(&delivery, refuse);
    let settled = settled.or(Settlement::Reject).await;
    settled.expect("settled").expect_err("not handled");
    recorder.case("process that fails, and reject, with everything");

    let key = ShortString::from("amq.gen-7");
    let delivery = Delivery::mock(7, "".into(), key, false, b"".into());
    let settled = plain.with_settlement(&delivery, handle).await;
    settled.expect("settled").expect("handled");
    recorder.case("process and ack, from a queue that the broker has named");

    for _ in 0..2 {
        shop.publish(&plain, BasicProperties::default()).await;
    }
    recorder.case("basic_publish, twice, for a batch that is settled");
    let deliveries = [shop.next().await, shop.next().await];
    let stored = plain.with_batch_settlement(&deliveries, async |batch| {
        assert_eq!(batch.len(), 2);
        Ok::<_, io::Error>(())
    });
    stored.await.expect("settled").expect("stored");
    recorder.case("process of a batch, and ack of all");

    let url = address("AMQP_URL");
    let connecting = Connection::connect(&url, ConnectionProperties::default());
    let connection = connecting.await.expect("RabbitMQ");
    let other = connection.create_channel().await.expect("a channel");
    let queue = declare(&other, &unique("closed")).await;
    recorder.replace(queue.as_str(), "closed-<id>");
    let published = other.basic_publish("".into(), queue.clone(), EMPTY, b"", Default::default());
    published.await.expect("published");
    let delivery = next(&mut consume(&other, &queue, "billing-2").await).await;
    other.close(200, "done".into()).await.expect("closed");
    let settled = plain.with_settlement(&delivery, handle).await;
    settled.expect_err("closed");
    recorder.case("process, and ack that fails");
}

async fn contexts(recorder: &mut Recorder, shop: &mut Shop) {
    let plain = recorder.plain.clone();
    let disabled = Instrumentation::disabled();
    for (name, properties) in [
        (
            "process of a message without context",
            BasicProperties::default(),
        ),
        (
            "process of a malformed context",
            header("traceparent", "00-order"),
        ),
    ] {
        shop.publish(&disabled, properties).await;
        let delivery = shop.next().await;
        plain.with_message_context(&delivery, ack).await;
        recorder.case(name);
    }

    let sparing = plain.to_builder().with_injection_budget(60).build();
    let baggage = Context::new().with_baggage([KeyValue::new("tenant", "acme")]);
    let publish = shop.publish(&sparing, BasicProperties::default());
    publish.with_context(baggage).await;
    recorder.case("basic_publish, and baggage that is too large");
    ack(&shop.next().await).await;

    let panicking = plain.to_builder().with_propagator(Panicking).build();
    shop.publish(&panicking, BasicProperties::default()).await;
    let delivery = shop.next().await;
    panicking.with_message_context(&delivery, ack).await;
    recorder.case("basic_publish and process by a propagator that panics");
}

async fn failures(recorder: &mut Recorder, shop: &mut Shop) {
    let plain = recorder.plain.clone();
    shop.publish(&plain, BasicProperties::default()).await;
    let delivery = shop.next().await;
    recorder.case("basic_publish of a message that is not handled");
    let handled = plain.consumer(consumer_info(&shop.consumer));
    let handled = handled.try_with_message_context(&delivery, async |delivery| {
        ack(delivery).await;
        Err::<(), _>(io::Error::other("no such card"))
    });
    handled.await.expect_err("not handled");
    recorder.case("process that fails");

    let producer = shop.producer(&plain);
    let mandatory = BasicPublishOptions {
        mandatory: true,
        ..EMPTY
    };
    let properties = BasicProperties::default();
    let nowhere = ShortString::from(unique("no-such-queue"));
    recorder.replace(nowhere.as_str(), "no-such-queue-<id>");
    let publish = producer.basic_publish("".into(), nowhere.clone(), mandatory, b"", properties);
    confirmed(publish).await;
    recorder.case("basic_publish, mandatory and without a route");
    let forward = producer.forward(&delivery, "".into(), nowhere, mandatory);
    confirmed(forward).await;
    recorder.case("forward, mandatory and without a route");

    let missing = ShortString::from(unique("no-such-exchange"));
    recorder.replace(missing.as_str(), "no-such-exchange-<id>");
    let properties = BasicProperties::default();
    let publish = producer.basic_publish(missing, "orders".into(), EMPTY, b"", properties);
    let confirm = publish.await.expect("the channel takes it");
    in_time("an answer", confirm)
        .await
        .expect_err("no exchange");
    recorder.case("basic_publish to an exchange that is missing");

    let consumer = plain.consumer(consumer_info(&shop.consumer));
    let failing =
        async { Err::<Option<Delivery>, _>(lapin::Error::from(ErrorKind::ChannelsLimitReached)) };
    consumer.receive(failing).await.expect_err("no delivery");
    recorder.case("receive that fails");
}

/// A propagator that panics in both directions.
#[derive(Debug)]
struct Panicking;

impl TextMapPropagator for Panicking {
    fn inject_context(&self, _: &Context, _: &mut dyn Injector) {
        panic!("as the test wants it");
    }

    fn extract_with_context(&self, _: &Context, _: &dyn Extractor) -> Context {
        panic!("as the test wants it");
    }

    fn fields(&self) -> FieldIter<'_> {
        static FIELDS: LazyLock<Vec<String>> = LazyLock::new(|| vec!["traceparent".to_owned()]);
        FieldIter::new(&FIELDS)
    }
}

async fn batches(recorder: &mut Recorder, shop: &mut Shop) {
    let plain = recorder.plain.clone();
    let without_create_spans = plain.to_builder().with_create_spans(false).build();
    for (case, by) in [
        ("basic_publish in a batch of two", plain.clone()),
        (
            "basic_publish in a batch without create spans",
            without_create_spans,
        ),
        (
            "basic_publish in a batch, with everything",
            recorder.full.clone(),
        ),
        (
            "basic_publish in a batch by a template",
            recorder.templated.clone(),
        ),
    ] {
        let producer = shop.producer(&by).with_server("mq.internal", 5672);
        let batch = producer.batch();
        for _ in 0..2 {
            let queue = shop.queue.clone();
            let published = batch.basic_publish("".into(), queue, EMPTY, b"order", everything());
            confirmed(published).await;
            ack(&shop.next().await).await;
        }
        drop(batch);
        recorder.case(case);
    }

    shop.publish(&plain, BasicProperties::default()).await;
    let delivery = shop.next().await;
    recorder.case("basic_publish of a message to be sent on in a batch");
    let queue = shop.queue.clone();
    let batch = shop.producer(&plain).batch();
    confirmed(batch.forward(&delivery, "".into(), queue.clone(), EMPTY)).await;
    drop(batch);
    recorder.case("forward in a batch");
    let batch = shop.producer(&plain).batch();
    let error = io::Error::other("no such card");
    confirmed(batch.dead_letter(&delivery, &error, "".into(), queue, EMPTY)).await;
    drop(batch);
    recorder.case("dead_letter in a batch");
    ack(&delivery).await;
    for _ in 0..2 {
        ack(&shop.next().await).await;
    }

    let queue = declare(&shop.channel, "").await;
    recorder.replace(queue.as_str(), "amq.gen-<id>");
    let batch = shop.producer(&plain).batch();
    let properties = BasicProperties::default();
    confirmed(batch.basic_publish("".into(), queue, EMPTY, b"answer", properties)).await;
    drop(batch);
    recorder.case("basic_publish in a batch, to a queue that the broker has named");

    let mandatory = BasicPublishOptions {
        mandatory: true,
        ..EMPTY
    };
    let nowhere = ShortString::from(unique("orders-nowhere"));
    recorder.replace(nowhere.as_str(), "orders-nowhere-<id>");
    let batch = shop.producer(&plain).batch();
    let properties = BasicProperties::default();
    confirmed(batch.basic_publish("".into(), nowhere, mandatory, b"order", properties)).await;
    drop(batch);
    recorder.case("basic_publish in a batch, mandatory and without a route");
}
