//! Kafka through rdkafka.

use crate::recorder::Recorder;
use integration_tests::client::{PATIENCE, address, in_time};
use integration_tests::kafka::{Answers, Topic};
use integration_tests::{apply, broker_test};
use otel_messaging::Instrumentation;
use otel_messaging::consumer::BatchMessage;
use otel_messaging_rdkafka::{
    InjectingContext, InjectingProducer, Offsets, SettlingContext, UntilQueuedProducer,
    consumer_info,
};
use rdkafka::consumer::{CommitMode, Consumer, StreamConsumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{Header, OwnedHeaders, OwnedMessage};
use rdkafka::producer::{
    BaseProducer, BaseRecord, FutureProducer, FutureRecord, Producer, ThreadedProducer,
};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{ClientConfig, Message};
use std::io;
use std::sync::Arc;
use tokio::sync::oneshot;

/// A topic, with a producer and a consumer that have names.
struct Shop {
    topic: Topic,
    config: ClientConfig,
    consumer: StreamConsumer,
}

impl Shop {
    async fn open(recorder: &mut Recorder) -> Self {
        let topic = Topic::on_brokers(1).await;
        recorder.replace(topic.name.clone(), "orders-<id>");
        let brokers = address("KAFKA_BROKERS");
        let (host, port) = brokers.rsplit_once(':').expect("one broker with a port");
        recorder.replace(host, "<host>");
        recorder.replace(format!("I64({port})"), "<port>");
        let mut config = topic.config();
        config.set("client.id", "shop-1");
        let mut consuming = topic.config();
        consuming.set("client.id", "billing-1");
        consuming.set("group.id", "billing");
        let consumer: StreamConsumer = consuming.create().expect("a consumer");
        let partitions = topic.from_the_beginning();
        consumer.assign(&partitions).expect("a partition");
        Self {
            topic,
            config,
            consumer,
        }
    }

    fn producer(&self, by: &Instrumentation) -> InjectingProducer<FutureProducer> {
        let producer: FutureProducer = self.config.create().expect("a producer");
        InjectingProducer::new(producer).with_instrumentation(by.clone())
    }

    async fn send(&self, by: &Instrumentation, headers: Option<OwnedHeaders>) {
        let mut record = FutureRecord::to(&self.topic.name).key("7").payload("order");
        record.headers = headers;
        let sent = self.producer(by).send(record, PATIENCE).await;
        sent.expect("the broker takes it");
    }

    async fn next(&self) -> OwnedMessage {
        let next = in_time("a message", self.consumer.recv()).await;
        next.expect("a message").detach()
    }
}

fn header(name: &str, value: &str) -> OwnedHeaders {
    OwnedHeaders::new().insert(Header {
        key: name,
        value: Some(value),
    })
}

#[apply(broker_test)]
async fn kafka_emits_what_is_listed() {
    let mut recorder = Recorder::new("kafka");
    let shop = Shop::open(&mut recorder).await;
    a_record(&mut recorder, &shop).await;
    with_everything(&mut recorder, &shop).await;
    by_a_template(&mut recorder, &shop).await;
    producers_that_queue(&mut recorder, &shop).await;
    sent_on(&mut recorder, &shop).await;
    polls(&mut recorder, &shop).await;
    contexts(&mut recorder, &shop).await;
    failures(&mut recorder, &shop).await;
    batches(&mut recorder, &shop).await;
    settlements(&mut recorder, &shop).await;
    recorder.assert();
}

async fn a_record(recorder: &mut Recorder, shop: &Shop) {
    let plain = recorder.plain.clone();
    shop.send(&plain, None).await;
    recorder.case("send");
    let message = shop.next().await;
    plain.with_message_context(&message, async |_| {}).await;
    recorder.case("process");

    let tombstone: FutureRecord<'_, str, str> = FutureRecord::to(&shop.topic.name).key("7");
    let producer = shop.producer(&plain);
    producer
        .send(tombstone, PATIENCE)
        .await
        .expect("the broker takes it");
    let consumer = plain.consumer(consumer_info(&shop.consumer));
    let polled = in_time("a message", consumer.receive(shop.consumer.recv())).await;
    let message = polled.expect("a message");
    consumer.with_message_context(&message, async |_| {}).await;
    let name = &*shop.topic.name;
    let forwarded = producer.forward(&message, name, PATIENCE).await;
    forwarded.expect("the broker takes it");
    recorder.case("send, poll, process and forward of a tombstone");
    shop.next().await;
}

async fn with_everything(recorder: &mut Recorder, shop: &Shop) {
    let full = recorder.full.clone();
    shop.send(&full, Some(header("x-tenant", "acme"))).await;
    recorder.case("send, with everything");
    let info = consumer_info(&shop.consumer).with_subscription("eu");
    let consumer = full.consumer(info.clone());
    let polled = in_time("a message", consumer.receive(shop.consumer.recv())).await;
    recorder.case("poll, with everything");
    let message = polled.expect("a message");
    consumer.with_message_context(&message, async |_| {}).await;
    recorder.case("process of what was polled, with everything");
    let producer = shop.producer(&full);
    let forwarded = producer.forward(&message, &shop.topic.name, PATIENCE).await;
    forwarded.expect("the broker takes it");
    recorder.case("forward, with everything");
    let message = shop.next().await;
    let unpolled = full.consumer(info);
    unpolled.with_message_context(&message, async |_| {}).await;
    recorder.case("process with everything, by a handle that does not receive");

    let record = FutureRecord::to(&shop.topic.name)
        .key("7")
        .payload("order")
        .partition(0);
    producer
        .send(record, PATIENCE)
        .await
        .expect("the broker takes it");
    recorder.case("send to a partition");
    shop.next().await;
}

async fn by_a_template(recorder: &mut Recorder, shop: &Shop) {
    let templated = recorder.templated.clone();
    shop.send(&templated, None).await;
    let info = consumer_info(&shop.consumer).with_subscription("eu");
    let consumer = templated.consumer(info.clone());
    let polled = in_time("a message", consumer.receive(shop.consumer.recv())).await;
    let message = polled.expect("a message");
    consumer.with_message_context(&message, async |_| {}).await;
    let producer = shop.producer(&templated);
    let forwarded = producer.forward(&message, &shop.topic.name, PATIENCE).await;
    forwarded.expect("the broker takes it");
    let unpolled = templated.consumer(info);
    unpolled
        .with_message_context(&shop.next().await, async |_| {})
        .await;
    recorder.case("send, poll, process and forward by a template");
}

async fn producers_that_queue(recorder: &mut Recorder, shop: &Shop) {
    let plain = recorder.plain.clone();
    let context = InjectingContext::new(Answers);
    let producer: BaseProducer<_> = shop
        .config
        .create_with_context(context)
        .expect("a producer");
    let base = InjectingProducer::new(producer).with_instrumentation(plain.clone());
    let (sender, answer) = oneshot::channel();
    let record = BaseRecord::with_opaque_to(&shop.topic.name, Box::new(sender));
    let queued = base.send(record.key("7").payload("order"));
    queued.map_err(|(error, _)| error).expect("queued");
    base.flush(PATIENCE).expect("nothing is left");
    answer
        .await
        .expect("an answer")
        .expect("the broker takes it");
    recorder.case("send by a BaseProducer");
    let message = shop.next().await;
    let (sender, answer) = oneshot::channel();
    let queued = base.forward(&message, &shop.topic.name, Box::new(sender));
    queued.map_err(|(error, _)| error).expect("queued");
    base.flush(PATIENCE).expect("nothing is left");
    answer
        .await
        .expect("an answer")
        .expect("the broker takes it");
    recorder.case("forward by a BaseProducer");
    shop.next().await;

    let producer: ThreadedProducer<_> = shop
        .config
        .create_with_context(Answers)
        .expect("a producer");
    let queuing = UntilQueuedProducer::new(producer).with_instrumentation(plain);
    let (sender, answer) = oneshot::channel();
    let record = BaseRecord::with_opaque_to(&shop.topic.name, Box::new(sender));
    let queued = queuing.send(record.key("7").payload("order"));
    queued.map_err(|(error, _)| error).expect("queued");
    recorder.case("send by an UntilQueuedProducer");
    queuing.flush(PATIENCE).expect("nothing is left");
    answer
        .await
        .expect("an answer")
        .expect("the broker takes it");
    shop.next().await;
}

async fn sent_on(recorder: &mut Recorder, shop: &Shop) {
    let plain = recorder.plain.clone();
    shop.send(&plain, None).await;
    let message = shop.next().await;
    recorder.case("send of a message to be sent on");
    let producer = shop.producer(&plain);
    let name = &*shop.topic.name;
    let sent = producer.forward(&message, name, PATIENCE).await;
    sent.expect("the broker takes it");
    recorder.case("forward");
    let sent = producer.republish(&message, name, PATIENCE).await;
    sent.expect("the broker takes it");
    recorder.case("republish");
    let error = io::Error::other("no such card");
    let sent = producer.dead_letter(&message, &error, name, PATIENCE).await;
    sent.expect("the broker takes it");
    recorder.case("dead_letter");
    for _ in 0..3 {
        shop.next().await;
    }
}

async fn polls(recorder: &mut Recorder, shop: &Shop) {
    let plain = recorder.plain.clone();
    let info = consumer_info(&shop.consumer).with_subscription("eu");
    let consumer = plain.consumer(info.clone());
    for _ in 0..2 {
        shop.send(&plain, None).await;
    }
    recorder.case("send, twice");
    let both = async { vec![shop.next().await, shop.next().await] };
    assert_eq!(consumer.receive(both).await.len(), 2);
    recorder.case("poll of a list");

    let by = recorder.full.consumer(info.clone());
    for headers in [None, Some(header("x-tenant", "acme"))] {
        shop.send(&plain, headers).await;
    }
    recorder.case("send, twice, for a batch");
    let messages = [shop.next().await, shop.next().await];
    by.with_batch_context(&messages, refuse_each).await;
    recorder.case("process of a batch, with everything");

    for by in [recorder.full.clone(), recorder.templated.clone()] {
        shop.send(&plain, None).await;
        let consumer = by.consumer(info.clone());
        let both = async {
            let gone = KafkaError::MessageConsumption(RDKafkaErrorCode::BrokerTransportFailure);
            vec![Ok(shop.next().await), Err(gone)]
        };
        assert_eq!(consumer.receive(both).await.len(), 2);
    }
    recorder.case("send, and poll of a message and an error");
    let failing = async {
        let gone = KafkaError::MessageConsumption(RDKafkaErrorCode::UnknownTopicOrPartition);
        Err::<OwnedMessage, _>(gone)
    };
    consumer.receive(failing).await.expect_err("nothing came");
    recorder.case("poll that fails");
}

async fn refuse_each(batch: Vec<BatchMessage<&OwnedMessage>>) {
    for message in batch {
        let refused = message.try_run(async |_| Err::<(), _>(io::Error::other("no such card")));
        refused.await.expect_err("not handled");
    }
}

/// Messages with contexts of all kinds, and contexts that find no room.
async fn contexts(recorder: &mut Recorder, shop: &Shop) {
    let plain = recorder.plain.clone();
    let disabled = Instrumentation::disabled();
    for (name, headers) in [
        ("process of a message without context", None),
        (
            "process of a malformed context",
            Some(header("traceparent", "00-order")),
        ),
    ] {
        shop.send(&disabled, headers).await;
        let message = shop.next().await;
        plain.with_message_context(&message, async |_| {}).await;
        recorder.case(name);
    }
    for by in [recorder.full.clone(), recorder.templated.clone()] {
        let mut config = shop.config.clone();
        config.set("message.max.bytes", "1000");
        let producer: FutureProducer = config.create().expect("a producer");
        let producer = InjectingProducer::new(producer).with_instrumentation(by);
        let payload = "x".repeat(940);
        let record = FutureRecord::to(&shop.topic.name)
            .key("7")
            .payload(&payload)
            .partition(0);
        producer
            .send(record, PATIENCE)
            .await
            .expect("the broker takes it");
        assert!(shop.next().await.headers().is_none());
    }
    recorder.case("send of a record without room for a context");
}

async fn failures(recorder: &mut Recorder, shop: &Shop) {
    let plain = recorder.plain.clone();
    shop.send(&plain, None).await;
    let message = shop.next().await;
    recorder.case("send of a message that is not handled");
    for by in [
        plain.clone(),
        recorder.full.clone(),
        recorder.templated.clone(),
    ] {
        let info = consumer_info(&shop.consumer).with_subscription("eu");
        let handled = by.consumer(info);
        let handled = handled.try_with_message_context(&message, async |_| {
            Err::<(), _>(io::Error::other("no such card"))
        });
        handled.await.expect_err("not handled");
    }
    recorder.case("process that fails");

    let producer = shop.producer(&plain);
    let name = &*shop.topic.name;
    let record = FutureRecord::to(name)
        .key("7")
        .payload("order")
        .partition(42);
    producer
        .send(record, PATIENCE)
        .await
        .expect_err("no such partition");
    recorder.case("send to a partition that is missing");
    let large = "x".repeat(2_000_000);
    let record = FutureRecord::to(name).key("7").payload(&large);
    producer
        .send(record, PATIENCE)
        .await
        .expect_err("too large");
    recorder.case("send of a record that is too large");
    let large = OwnedMessage::new(
        Some(large.into_bytes()),
        Some(b"7".to_vec()),
        name.to_owned(),
        rdkafka::Timestamp::NotAvailable,
        0,
        0,
        message.headers().cloned(),
    );
    let sent = producer.forward(&large, name, PATIENCE).await;
    sent.expect_err("too large");
    recorder.case("forward of a record that is too large");
}

async fn batches(recorder: &mut Recorder, shop: &Shop) {
    let name = &*shop.topic.name;
    let record = || FutureRecord::to(name).key("7").payload("order");
    let plain = recorder.plain.clone();
    let without_create_spans = plain.to_builder().with_create_spans(false).build();
    let everything = recorder.full.clone();
    for (case, by) in [
        ("send of a batch of two", plain.clone()),
        ("send of a batch without create spans", without_create_spans),
        ("send of a batch, with everything", everything),
        ("send of a batch by a template", recorder.templated.clone()),
    ] {
        let batch = shop.producer(&by).batch();
        for partition in [None, Some(0)] {
            let mut record = record().headers(header("x-tenant", "acme"));
            record.partition = partition;
            let sent = batch.send(record, PATIENCE).await;
            sent.expect("the broker takes it");
            shop.next().await;
        }
        drop(batch);
        recorder.case(case);
    }

    let batch = shop.producer(&plain).batch();
    let tombstone: FutureRecord<'_, str, str> = FutureRecord::to(name).key("7").partition(0);
    let sent = batch.send(tombstone, PATIENCE).await;
    sent.expect("the broker takes it");
    drop(batch);
    recorder.case("send of a batch of one tombstone");
    let message = shop.next().await;
    let batch = shop.producer(&plain).batch();
    let sent = batch.forward(&message, name, PATIENCE).await;
    sent.expect("the broker takes it");
    drop(batch);
    recorder.case("forward in a batch");
    let batch = shop.producer(&plain).batch();
    let error = io::Error::other("no such card");
    let sent = batch.dead_letter(&message, &error, name, PATIENCE).await;
    sent.expect("the broker takes it");
    drop(batch);
    recorder.case("dead_letter in a batch");

    let batch = shop.producer(&plain).batch();
    let sent = batch.send(record(), PATIENCE).await;
    sent.expect("the broker takes it");
    let refused = batch.send(record().partition(42), PATIENCE).await;
    refused.expect_err("no such partition");
    drop(batch);
    recorder.case("send of a batch, and one to a partition that is missing");
    for _ in 0..3 {
        shop.next().await;
    }
}

async fn settlements(recorder: &mut Recorder, shop: &Shop) {
    let topic = Topic::on_brokers(1).await;
    recorder.replace(topic.name.clone(), "settled-<id>");
    let mut config = topic.config();
    config.set("client.id", "billing-1");
    config.set("group.id", "billing");
    config.set("enable.auto.offset.store", "false");
    let context = SettlingContext::default();
    let consumer: StreamConsumer<_> = config.create_with_context(context).expect("a consumer");
    let consumer = Arc::new(consumer);
    let partitions = topic.from_the_beginning();
    consumer.assign(&partitions).expect("a partition");
    let offsets = Offsets::new(Arc::clone(&consumer)).expect("offsets");
    let plain = offsets.clone().with_instrumentation(&recorder.plain);
    let info = consumer_info(&*consumer).with_subscription("eu");
    let [full, templated] = [&recorder.full, &recorder.templated]
        .map(|by| offsets.clone().with_consumer(by.consumer(info.clone())));

    let next = async || {
        let record = FutureRecord::to(&topic.name).key("7").payload("order");
        let sent = shop.topic.producer.send(record, PATIENCE).await;
        sent.expect("the broker takes it");
        let message = in_time("a message", consumer.recv()).await;
        message.expect("a message").detach()
    };

    let committed = plain.commit(CommitMode::Sync);
    committed.expect_err("nothing is stored");
    recorder.case("commit of nothing");
    for offsets in [&templated, &full] {
        let message = next().await;
        let settled = offsets.with_settlement(&message, async |_| Ok::<_, io::Error>(()));
        settled.await.expect("stored").expect("handled");
    }
    recorder.case("process and store_offset, by a template and with everything");
    plain.commit(CommitMode::Sync).expect("committed");
    templated.commit(CommitMode::Async).expect("queued");
    recorder.case("commit, and commit by a template");

    let batch = [full.register(next().await)];
    let handled = full.consumer();
    let handled = handled.with_batch_settlement(&batch, async |_| Ok::<_, io::Error>(()));
    handled.await.expect("stored").expect("handled");
    recorder.case("process and store_offset of a batch, with everything");

    let message = next().await;
    let refuse = async |_: &OwnedMessage| Err::<(), _>(io::Error::other("no such card"));
    let settled = full.with_settlement(&message, refuse).await;
    settled.expect("left").expect_err("not handled");
    recorder.case("process that fails, with everything, and its offset is left");
    consumer.unassign().expect("unassigned");
    let settled = full.with_settlement(&message, async |_| Ok::<_, io::Error>(()));
    settled.await.expect_err("not assigned");
    recorder.case("process, and store_offset that fails, with everything");
}
