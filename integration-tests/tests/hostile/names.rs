//! Destinations, keys and identifiers that somebody else has chosen, and what spans show of them.

use crate::victim::TRACEPARENT;
use async_nats::HeaderMap;
use futures_util::StreamExt;
use integration_tests::client::{Client, in_time, unique};
use integration_tests::kafka::Kafka;
use integration_tests::nats::Nats;
use integration_tests::rabbitmq::RabbitMq;
use integration_tests::spans::{Spans, attribute};
use integration_tests::wire::nats::{Connection, block};
use integration_tests::{apply, broker_test};
use lapin::options::{BasicPublishOptions, ExchangeDeclareOptions, QueueBindOptions};
use lapin::types::{FieldTable, ShortString};
use lapin::{BasicProperties, ExchangeKind};
use otel_messaging_async_nats::InjectingProducer;
use otel_messaging_async_nats::producer::DEAD_LETTER_SOURCE;
use rdkafka::message::Message;
use rdkafka::producer::FutureRecord;
use std::time::Duration;

/// What a sender puts behind a name, and how a span shows it.
const TEXTS: [(&str, &str); 5] = [
    (
        "\u{1b}[2J\u{1b}]0;x\u{7}",
        "\u{fffd}[2J\u{fffd}]0;x\u{fffd}",
    ),
    ("\u{9b}2J\u{80}", "\u{fffd}2J\u{fffd}"),
    ("\u{202e}sredro\u{202c}", "\u{fffd}sredro\u{fffd}"),
    (
        "\u{2066}\u{2069}\u{200e}\u{200f}\u{61c}",
        "\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}",
    ),
    ("Gr\u{fc}\u{df}e", "Gr\u{fc}\u{df}e"),
];

/// A subscription with a wildcard takes any subject, as long as a line of the protocol allows.
#[apply(broker_test)]
async fn a_subject_of_the_senders_is_shown_within_limits() {
    let (client, mut attacker) = (Nats::connect().await, Connection::open().await);
    let root = unique("orders");
    let subscribed = client.client.subscribe(format!("{root}.>")).await;
    let mut messages = subscribed.expect("a subscription");
    let asked = client.client.request(unique("nobody"), "".into()).await;
    asked.expect_err("nobody answers, and the server knows of the subscription");

    let mut cases: Vec<(String, String)> = TEXTS
        .iter()
        .map(|(sent, shown)| (format!("{root}.{sent}"), format!("{root}.{shown}")))
        .collect();
    let long = format!("{root}.{}", "\u{fc}".repeat(1700));
    let mut end = 1024;
    while !long.is_char_boundary(end) {
        end -= 1;
    }
    cases.push((long.clone(), long[..end].to_owned()));

    let headers = block(&[
        format!("traceparent: {TRACEPARENT}").as_bytes(),
        "Nats-Msg-Id: m\u{1b}[2J\u{202e}".as_bytes(),
    ]);
    for (subject, shown) in cases {
        attacker.publish(&subject, &headers, b"").await;
        let message = in_time("a message", messages.next()).await;
        let message = message.expect("the subscription goes on");
        assert_eq!(message.subject.as_str(), subject);
        let spans = Spans::new();
        let by = &spans.instrumentation;
        let producer = InjectingProducer::new(client.client.clone());
        let producer = producer.with_instrumentation(by.clone());
        let relayed = by.with_message_context(&message, async |message| {
            // To where it came from, as a relay does.
            let headers = HeaderMap::new();
            let subject = message.subject.clone();
            let published = producer.publish_with_headers(subject, headers, "".into());
            published.await.expect("published");
            let next = client.subject.clone();
            let letter = producer.dead_letter(message, &"no\r\n\u{1b}order\u{202e}", next);
            letter.await.expect("published");
        });
        relayed.await;
        in_time("the relayed message", messages.next()).await;
        for operation in ["process", "publish"] {
            let span = spans.named(&format!("{operation} {shown}"));
            let name = attribute(&span, "messaging.destination.name");
            assert_eq!(name, Some(shown.clone().into()));
        }
        let span = spans.named(&format!("process {shown}"));
        let id = attribute(&span, "messaging.message.id");
        assert_eq!(id, Some("m\u{fffd}[2J\u{fffd}".into()));
        let letter = spans.named(&format!("publish {}", client.subject));
        let source = attribute(&letter, "otel_messaging.dead_letter.source");
        assert_eq!(source, Some(shown.into()));
        let error = attribute(&letter, "otel_messaging.dead_letter.error");
        assert_eq!(error, Some("no  \u{fffd}order\u{fffd}".into()));
    }
}

/// So do the headers of a dead letter.
#[apply(broker_test)]
async fn a_dead_letter_says_no_more_than_its_span() {
    let mut client = Nats::connect().await;
    let mut message = {
        client.send_plain(&[("order", "7")]).await;
        client.receive().await
    };
    for (sent, shown) in TEXTS {
        message.subject = format!("orders.{sent}").into();
        let producer = InjectingProducer::new(client.client.clone());
        let letter = producer.dead_letter(&message, &"no such order", client.subject.clone());
        letter.await.expect("published");
        let letter = client.receive().await;
        let source = letter
            .headers
            .as_ref()
            .and_then(|headers| headers.get(DEAD_LETTER_SOURCE));
        let source = source.map(|source| source.as_str());
        assert_eq!(source, Some(&*format!("orders.{shown}")));
    }
}

/// What servers make up for one reply is in no span's name; the server takes and delivers it.
#[apply(broker_test)]
async fn a_subject_that_a_server_makes_is_in_no_spans_name() {
    let client = Nats::connect().await;
    for prefix in ["_R_.k2Jd8a", "_INBOX"] {
        let spans = Spans::new();
        let subject = format!("{prefix}.{}", unique("reply"));
        let subscribed = client.client.subscribe(subject.clone()).await;
        let mut replies = subscribed.expect("a subscription");
        let producer = InjectingProducer::new(client.client.clone());
        let producer = producer.with_instrumentation(spans.instrumentation.clone());
        let published = producer.publish(subject.clone(), "reply".into());
        published.await.expect("published");
        let reply = in_time("a reply", replies.next()).await.expect("a reply");
        let by = &spans.instrumentation;
        by.with_message_context(&reply, async |_| ()).await;
        for operation in ["publish", "process"] {
            let span = spans.named(operation);
            let name = attribute(&span, "messaging.destination.name");
            assert_eq!(name, Some(subject.clone().into()));
            let temporary = attribute(&span, "messaging.destination.temporary");
            assert_eq!(temporary, Some(true.into()));
        }
    }
}

#[apply(broker_test)]
async fn a_routing_key_of_the_senders_is_shown_within_limits() {
    let client = RabbitMq::connect().await;
    let (channel, none) = (&client.channel, FieldTable::default);
    let exchange = ShortString::from(unique("shop"));
    let options = ExchangeDeclareOptions {
        auto_delete: true,
        ..Default::default()
    };
    let declared = channel.exchange_declare(exchange.clone(), ExchangeKind::Topic, options, none());
    declared.await.expect("an exchange");
    let queue = client.declare_queue(none()).await;
    let options = QueueBindOptions::default();
    let bound = channel.queue_bind(queue.clone(), exchange.clone(), "#".into(), options, none());
    bound.await.expect("a binding");
    let mut consumer = client.consume(&queue).await;
    for (sent, shown) in TEXTS {
        let properties = BasicProperties::default()
            .with_message_id(sent.into())
            .with_correlation_id(sent.into());
        let (exchange, options) = (exchange.clone(), BasicPublishOptions::default());
        let published = channel.basic_publish(exchange, sent.into(), options, b"", properties);
        published
            .await
            .expect("published")
            .await
            .expect("confirmed");
        let delivery = integration_tests::rabbitmq::next(&mut consumer).await;
        assert_eq!(delivery.routing_key.as_str(), sent);
        let spans = Spans::new();
        let by = &spans.instrumentation;
        by.with_message_context(&delivery, async |_| ()).await;
        let span = spans.all().remove(0);
        let exchange = delivery.exchange.as_str();
        assert_eq!(span.name, format!("process {exchange}:{shown}"));
        for name in [
            "rabbitmq.destination.routing_key",
            "messaging.message.id",
            "messaging.message.conversation_id",
        ] {
            assert_eq!(attribute(&span, name), Some(shown.into()), "{name}");
        }
    }
}

/// A key with a control character is no text to the conventions.
#[apply(broker_test)]
async fn a_key_of_the_senders_is_shown_within_limits() {
    let mut client = Kafka::connect().await;
    let long = "x".repeat(1025);
    let keys = TEXTS.iter().copied().chain([("7", "7"), (&*long, "")]);
    for (sent, shown) in keys {
        let record = FutureRecord::to(&client.topic().name)
            .key(sent)
            .payload("order");
        let sending = client
            .topic()
            .producer
            .send(record, Duration::from_secs(10));
        sending.await.map_err(|(error, _)| error).expect("sent");
        let message = client.receive().await;
        assert_eq!(message.key(), Some(sent.as_bytes()));
        let spans = Spans::new();
        let by = &spans.instrumentation;
        by.with_message_context(&message, async |_| ()).await;
        let span = spans.named(&format!("process {}", client.destination()));
        let is_text = !sent.chars().any(char::is_control) && sent.len() <= 1024;
        let shown = is_text.then(|| shown.into());
        assert_eq!(attribute(&span, "kafka.message.key"), shown);
    }
}
