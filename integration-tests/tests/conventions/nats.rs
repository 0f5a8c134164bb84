//! NATS through async-nats.

mod settlements;

use crate::recorder::Recorder;
use async_nats::jetstream::consumer::pull;
use async_nats::jetstream::{self, AckKind, stream};
use async_nats::{HeaderMap, Message, Subscriber};
use bytes::Bytes;
use futures_util::StreamExt;
use integration_tests::client::{in_time, unique};
use integration_tests::nats::{connect, start_service};
use integration_tests::{apply, broker_test};
use otel_messaging::Instrumentation;
use otel_messaging_async_nats::consumer::ConsumerInfo;
use otel_messaging_async_nats::{InjectingProducer, Wrapped, consumer_info};
use std::io;

const SENDERS: [&str; 2] = [
    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "00-1af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
];

/// A subject of core NATS, subscribed to.
struct Shop {
    client: async_nats::Client,
    subject: String,
    subscriber: Subscriber,
}

impl Shop {
    async fn open(recorder: &mut Recorder) -> Self {
        let (client, subject) = (connect().await, unique("orders"));
        recorder.replace(subject.clone(), "orders-<id>");
        let subscriber = client.subscribe(subject.clone()).await;
        Self {
            client,
            subject,
            subscriber: subscriber.expect("a subscription"),
        }
    }

    fn producer(&self, by: &Instrumentation) -> InjectingProducer<async_nats::Client> {
        producer(&self.client, by)
    }

    async fn publish(&self, by: &Instrumentation) {
        let producer = self.producer(by);
        let published = producer.publish(self.subject.clone(), "order".into());
        published.await.expect("the client takes it");
    }

    async fn next(&mut self) -> Message {
        let next = in_time("a message", self.subscriber.next()).await;
        next.expect("the subscription goes on")
    }
}

fn producer<P: Wrapped + Clone>(client: &P, by: &Instrumentation) -> InjectingProducer<P> {
    InjectingProducer::new(client.clone()).with_instrumentation(by.clone())
}

fn everything() -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("X-Tenant", "acme");
    headers.insert("Nats-Msg-Id", "7");
    headers
}

fn info() -> ConsumerInfo {
    ConsumerInfo::new()
        .with_server("nats.internal", 4222)
        .with_client_id("billing-1")
        .with_group("billing")
        .with_subscription("eu")
}

#[apply(broker_test)]
async fn nats_emits_what_is_listed() {
    let mut recorder = Recorder::new("nats");
    let mut shop = Shop::open(&mut recorder).await;
    a_message(&mut recorder, &mut shop).await;
    with_everything(&mut recorder, &mut shop).await;
    requests(&mut recorder, &shop).await;
    inboxes(&mut recorder, &mut shop).await;
    sent_on(&mut recorder, &mut shop).await;
    polls(&mut recorder, &mut shop).await;
    contexts(&mut recorder, &mut shop).await;
    failures(&mut recorder, &mut shop).await;
    jetstream(&mut recorder).await;
    batches(&mut recorder, &mut shop).await;
    settlements::settlements(&mut recorder).await;
    recorder.assert();
}

async fn a_message(recorder: &mut Recorder, shop: &mut Shop) {
    let plain = recorder.plain.clone();
    shop.publish(&plain).await;
    recorder.case("publish");
    let message = shop.next().await;
    plain.with_message_context(&message, async |_| {}).await;
    recorder.case("process");

    let templated = recorder.templated.clone();
    shop.publish(&templated).await;
    let consumer = templated.consumer(info());
    let polled = in_time("a message", consumer.receive(shop.subscriber.next())).await;
    let message = polled.expect("the subscription goes on");
    consumer.with_message_context(&message, async |_| {}).await;
    let producer = shop.producer(&templated);
    let forwarded = producer.forward(&message, shop.subject.clone()).await;
    forwarded.expect("the client takes it");
    shop.next().await;
    recorder.case("publish, receive, process and forward by a template");
}

async fn with_everything(recorder: &mut Recorder, shop: &mut Shop) {
    let full = recorder.full.clone();
    let producer = shop.producer(&full).with_server("nats.internal", 4222);
    let published =
        producer.publish_with_headers(shop.subject.clone(), everything(), "order".into());
    published.await.expect("the client takes it");
    recorder.case("publish, with everything");
    let consumer = full.consumer(info());
    let polled = in_time("a message", consumer.receive(shop.subscriber.next())).await;
    recorder.case("receive, with everything");
    let message = polled.expect("the subscription goes on");
    consumer.with_message_context(&message, async |_| {}).await;
    recorder.case("process of what was received, with everything");
    let unpolled = full.consumer(info());
    unpolled.with_message_context(&message, async |_| {}).await;
    recorder.case("process with everything, by a handle that does not receive");
    let forwarded = producer.forward(&message, shop.subject.clone()).await;
    forwarded.expect("the client takes it");
    recorder.case("forward, with everything");
    shop.next().await;
}

async fn requests(recorder: &mut Recorder, shop: &Shop) {
    let plain = recorder.plain.clone();
    let subject = unique("prices");
    recorder.replace(subject.clone(), "prices-<id>");
    let (_service, mut endpoint) = start_service(&shop.client, &subject).await;
    let producer = shop.producer(&plain);
    for (name, answer) in [
        ("request, process and respond", Ok(Bytes::from("9"))),
        (
            "request, process and respond of a service that fails",
            Err(async_nats::service::error::Error {
                code: 503,
                status: "no prices".to_owned(),
            }),
        ),
    ] {
        let asking = producer.request(subject.clone(), "order".into());
        let answering = async {
            let request = in_time("a request", endpoint.next()).await;
            let request = producer.injecting_request(request.expect("the service goes on"));
            let handled = plain.with_message_context(&request, async |request| {
                request.respond(answer).await.expect("the client takes it");
            });
            handled.await;
        };
        let (answer, ()) = in_time("an answer", async { tokio::join!(asking, answering) }).await;
        let reply = answer.expect("an answer");
        recorder.replace(reply.subject.to_string(), "_INBOX.<id>");
        recorder.case(name);
    }
}

async fn inboxes(recorder: &mut Recorder, shop: &mut Shop) {
    let plain = recorder.plain.clone();
    let inbox = shop.client.new_inbox();
    recorder.replace(inbox.clone(), "_INBOX.<id>");
    let mut answers = shop
        .client
        .subscribe(inbox.clone())
        .await
        .expect("a subscription");
    let producer = shop.producer(&plain);
    let published = producer.publish(inbox.clone(), "answer".into()).await;
    published.expect("the client takes it");
    let consumer = plain.consumer(ConsumerInfo::new());
    let answer = in_time("an answer", consumer.receive(answers.next())).await;
    let answer = answer.expect("the subscription goes on");
    consumer.with_message_context(&answer, async |_| {}).await;
    producer
        .forward(&answer, inbox)
        .await
        .expect("the client takes it");
    recorder.case("publish, receive, process and forward, of an inbox");
}

async fn sent_on(recorder: &mut Recorder, shop: &mut Shop) {
    let plain = recorder.plain.clone();
    shop.publish(&plain).await;
    let message = shop.next().await;
    recorder.case("publish of a message to be sent on");
    let producer = shop.producer(&plain);
    let forwarded = producer.forward(&message, shop.subject.clone()).await;
    forwarded.expect("the client takes it");
    recorder.case("forward");
    let republished = producer.republish(&message, shop.subject.clone()).await;
    republished.expect("the client takes it");
    recorder.case("republish");
    let error = io::Error::other("no such card");
    let put_aside = producer
        .dead_letter(&message, &error, shop.subject.clone())
        .await;
    put_aside.expect("the client takes it");
    recorder.case("dead_letter");
    for _ in 0..3 {
        shop.next().await;
    }
}

async fn polls(recorder: &mut Recorder, shop: &mut Shop) {
    let plain = recorder.plain.clone();
    for _ in 0..2 {
        shop.publish(&plain).await;
    }
    recorder.case("publish, twice");
    let consumer = plain.consumer(ConsumerInfo::new());
    let both = async { vec![shop.next().await, shop.next().await] };
    assert_eq!(consumer.receive(both).await.len(), 2);
    recorder.case("receive of a list");

    let by = recorder.full.consumer(ConsumerInfo::new());
    for _ in 0..2 {
        shop.publish(&plain).await;
    }
    recorder.case("publish, twice, for a batch");
    let messages = [shop.next().await, shop.next().await];
    by.with_batch_context(&messages, async |batch| {
        for message in batch {
            let refused = message.try_run(async |_| Err::<(), _>(io::Error::other("no such card")));
            refused.await.expect_err("not handled");
        }
    })
    .await;
    recorder.case("process of a batch, with everything");
    let failing = async { Err::<Message, _>(io::Error::other("gone")) };
    consumer.receive(failing).await.expect_err("nothing came");
    recorder.case("receive that fails");
}

async fn contexts(recorder: &mut Recorder, shop: &mut Shop) {
    let plain = recorder.plain.clone();
    let mut contradicting = HeaderMap::new();
    for sender in SENDERS {
        contradicting.append("traceparent", sender);
    }
    let mut malformed = HeaderMap::new();
    malformed.insert("traceparent", "00-order");
    for (name, headers) in [
        ("process of a message without context", HeaderMap::new()),
        ("process of a malformed context", malformed),
        (
            "process of contexts that contradict each other",
            contradicting,
        ),
    ] {
        let published =
            shop.client
                .publish_with_headers(shop.subject.clone(), headers, "order".into());
        published.await.expect("the client takes it");
        let message = shop.next().await;
        plain.with_message_context(&message, async |_| {}).await;
        recorder.case(name);
    }
}

async fn failures(recorder: &mut Recorder, shop: &mut Shop) {
    let plain = recorder.plain.clone();
    shop.publish(&plain).await;
    let message = shop.next().await;
    recorder.case("publish of a message that is not handled");
    let handled = plain.consumer(ConsumerInfo::new());
    let handled = handled.try_with_message_context(&message, async |_| {
        Err::<(), _>(io::Error::other("no such card"))
    });
    handled.await.expect_err("not handled");
    recorder.case("process that fails");

    let producer = shop.producer(&plain);
    let nobody = unique("nobody");
    recorder.replace(nobody.clone(), "nobody-<id>");
    let asked = producer.request(nobody, "order".into()).await;
    asked.expect_err("nobody answers");
    recorder.case("request without responders");
    let large = Bytes::from(vec![0; shop.client.max_payload() + 1]);
    let published = producer.publish(shop.subject.clone(), large.clone()).await;
    published.expect_err("too large");
    recorder.case("publish of a message that is too large");
    let large = Message {
        payload: large,
        ..message
    };
    let forwarded = producer.forward(&large, shop.subject.clone()).await;
    forwarded.expect_err("too large");
    recorder.case("forward of a message that is too large");
}

async fn jetstream(recorder: &mut Recorder) {
    let context = jetstream::new(connect().await);
    let subject = unique("orders-of-stream");
    recorder.replace(subject.clone(), "orders-of-stream-<id>");
    let config = stream::Config {
        name: subject.clone(),
        subjects: vec![subject.clone()],
        storage: stream::StorageType::Memory,
        ..Default::default()
    };
    let stream = context.create_stream(config).await.expect("a stream");
    let consumer = stream.create_consumer(pull::Config {
        durable_name: Some("billing".to_owned()),
        ..pull::Config::default()
    });
    let consumer = consumer.await.expect("a consumer");
    let mut messages = consumer.messages().await.expect("messages");

    let plain = recorder.plain.clone();
    let plainly = producer(&context, &plain);
    let published = plainly.publish(subject.clone(), "order".into()).await;
    published
        .expect("the client takes it")
        .await
        .expect("the stream takes it");
    recorder.case("publish to a stream");
    let polling = plain.consumer(consumer_info(&consumer));
    let message = in_time("a message", polling.receive(messages.next())).await;
    recorder.case("receive from a stream");
    let message = message.expect("the consumer goes on").expect("a message");
    let handled = polling.with_message_context(&message, async |message: &jetstream::Message| {
        message
            .ack_with(AckKind::Nak(None))
            .await
            .expect("a refusal");
    });
    handled.await;
    recorder.case("process from a stream");
    let message = in_time("a message", polling.receive(messages.next())).await;
    let message = message.expect("the consumer goes on").expect("a message");
    let handled = polling.with_message_context(&message, async |message: &jetstream::Message| {
        message.ack().await.expect("an answer");
    });
    handled.await;
    recorder.case("receive and process from a stream, of the second delivery");

    let full = recorder.full.clone();
    let fully = producer(&context, &full).with_server("nats.internal", 4222);
    for name in [
        "publish to a stream, with everything",
        "publish to a stream that has the message already",
    ] {
        let published = fully
            .publish_with_headers(subject.clone(), everything(), "order".into())
            .await;
        published
            .expect("the client takes it")
            .await
            .expect("the stream takes it");
        recorder.case(name);
    }
    let polling = full.consumer(info());
    let message = in_time("a message", polling.receive(messages.next())).await;
    let message = message.expect("the consumer goes on").expect("a message");
    polling.with_message_context(&message, async |_| {}).await;
    recorder.case("receive and process from a stream, with everything");
    let forwarded = fully.forward(&message, subject.clone()).await;
    forwarded
        .expect("the client takes it")
        .await
        .expect("the stream takes it");
    recorder.case("forward to a stream, with everything");
    let forwarded = plainly.forward(&message, subject.clone()).await;
    forwarded
        .expect("the client takes it")
        .await
        .expect("the stream takes it");
    recorder.case("forward to a stream");
    let error = io::Error::other("no such card");
    let put_aside = plainly.dead_letter(&message, &error, subject.clone()).await;
    put_aside
        .expect("the client takes it")
        .await
        .expect("the stream takes it");
    recorder.case("dead_letter to a stream");
    let missing = unique("no-such-stream");
    recorder.replace(missing.clone(), "no-such-stream-<id>");
    let published = plainly.publish(missing, "order".into()).await;
    published
        .expect("the client takes it")
        .await
        .expect_err("no stream");
    recorder.case("publish to a stream that is missing");
}

async fn batches(recorder: &mut Recorder, shop: &mut Shop) {
    let plain = recorder.plain.clone();
    let without_create_spans = plain.to_builder().with_create_spans(false).build();
    for (case, by) in [
        ("publish in a batch of two", plain.clone()),
        (
            "publish in a batch without create spans",
            without_create_spans,
        ),
        ("publish in a batch, with everything", recorder.full.clone()),
        (
            "publish in a batch by a template",
            recorder.templated.clone(),
        ),
    ] {
        let batch = shop
            .producer(&by)
            .with_server("nats.internal", 4222)
            .batch();
        for _ in 0..2 {
            let subject = shop.subject.clone();
            let published = batch.publish_with_headers(subject, everything(), "order".into());
            published.await.expect("the client takes it");
            shop.next().await;
        }
        drop(batch);
        recorder.case(case);
    }

    shop.publish(&plain).await;
    let message = shop.next().await;
    recorder.case("publish of a message to be sent on in a batch");
    let batch = shop.producer(&plain).batch();
    let forwarded = batch.forward(&message, shop.subject.clone()).await;
    forwarded.expect("the client takes it");
    drop(batch);
    recorder.case("forward in a batch");
    let batch = shop.producer(&plain).batch();
    let error = io::Error::other("no such card");
    let put_aside = batch.dead_letter(&message, &error, shop.subject.clone());
    put_aside.await.expect("the client takes it");
    drop(batch);
    recorder.case("dead_letter in a batch");

    let inbox = shop.client.new_inbox();
    recorder.replace(inbox.clone(), "_INBOX.<id>");
    let batch = shop.producer(&plain).batch();
    let published = batch.publish(inbox, "answer".into()).await;
    published.expect("the client takes it");
    drop(batch);
    recorder.case("publish in a batch, to an inbox");
    let batch = shop.producer(&plain).batch();
    let large = vec![0; shop.client.max_payload() + 1];
    let refused = batch.publish(shop.subject.clone(), large.into()).await;
    refused.expect_err("too large");
    drop(batch);
    recorder.case("publish in a batch, of a message that is too large");
    answer_in_a_batch(recorder, shop).await;
    batch_to_a_stream(recorder).await;
}

async fn answer_in_a_batch(recorder: &mut Recorder, shop: &Shop) {
    let plain = recorder.plain.clone();
    let subject = unique("prices");
    recorder.replace(subject.clone(), "prices-<id>");
    let (_service, mut endpoint) = start_service(&shop.client, &subject).await;
    let asking = shop.client.request(subject, "order".into());
    let answering = async {
        let request = in_time("a request", endpoint.next()).await;
        let batch = shop.producer(&plain).batch();
        let request = batch.injecting_request(request.expect("the service goes on"));
        let failure = async_nats::service::error::Error {
            code: 503,
            status: "no prices".to_owned(),
        };
        let answered = request.respond(Err(failure)).await;
        answered.expect("the client takes it");
    };
    let (answer, ()) = in_time("an answer", async { tokio::join!(asking, answering) }).await;
    let reply = answer.expect("an answer");
    recorder.replace(reply.subject.to_string(), "_INBOX.<id>");
    recorder.case("respond in a batch, of a service that fails");
}

async fn batch_to_a_stream(recorder: &mut Recorder) {
    let context = jetstream::new(connect().await);
    let subject = unique("orders-of-stream");
    recorder.replace(subject.clone(), "orders-of-stream-<id>");
    let config = stream::Config {
        name: subject.clone(),
        subjects: vec![subject.clone()],
        storage: stream::StorageType::Memory,
        ..Default::default()
    };
    context.create_stream(config).await.expect("a stream");
    let plain = recorder.plain.clone();
    for case in [
        "publish in a batch to a stream",
        "publish in a batch to a stream that has the message already",
    ] {
        let batch = producer(&context, &plain).batch();
        let published = batch.publish_with_headers(subject.clone(), everything(), "order".into());
        let published = published.await.expect("the client takes it");
        published.await.expect("the stream takes it");
        drop(batch);
        recorder.case(case);
    }
}
