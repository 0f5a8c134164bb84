//! What Kafka does with a message that is sent on: the tables of the README, row by row, and what
//! topics refuse.

use integration_tests::client::PATIENCE;
use integration_tests::kafka::{Topic, text_headers};
use integration_tests::relay_table::{Way, rows};
use integration_tests::spans::{Spans, assert_unfailed, attribute};
use integration_tests::{apply, broker_test};
use otel_messaging_rdkafka::InjectingProducer;
use rdkafka::Message;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders, OwnedMessage, Timestamp};
use rdkafka::producer::{FutureProducer, FutureRecord};
use std::collections::BTreeMap;

const README: &str = include_str!("../../../crates/otel-messaging-rdkafka/README.md");
/// In 2001.
const OLD: i64 = 1_000_000_000_000;

/// Each row of the README's tables, on the broker: a message with every part and every header is
/// sent on in each way, and nothing of it is lost.
#[apply(broker_test)]
async fn every_row_of_the_tables_holds() {
    let topic = Topic::on_brokers(1).await;
    let producer = InjectingProducer::new(topic.producer.clone());
    let (parts, headers) = (rows(README, "part"), rows(README, "header"));
    let names = headers.iter().flat_map(|row| &row.names);
    let given: BTreeMap<_, _> = names
        .map(|name| (name.clone(), format!("{name}, as it was sent")))
        .collect();
    let message = sent(&topic, Some("7"), Some("order"), &given).await;

    for way in Way::ALL {
        send_on(&producer, &message, way, &topic.name)
            .await
            .expect("delivered");
        let next = topic.receive().await;
        let all = text_headers(&next);
        let mut found = BTreeMap::from_iter(all.iter().cloned());
        assert_eq!(found.len(), all.len(), "each once: {all:?}");
        found.remove("traceparent");
        for name in ["error", "source", "traceparent"] {
            found.remove(&format!("dead-letter-{name}"));
        }
        let mut expected = BTreeMap::new();
        let renamed = |name: &str| format!("{}{name}", way.prefix());
        for row in &parts {
            for name in &row.names {
                let (old, new) = (part(&message, name), part(&next, name));
                match row.cell(way) {
                    "kept" => assert_eq!(new, old, "{way:?}: {name}"),
                    "chosen anew" => assert_eq!(new, old, "there is one partition"),
                    "given anew" => assert_ne!(new, old),
                    "renamed" => {
                        expected.insert(renamed(name), old);
                    }
                    other => panic!("{name}: {other}"),
                }
            }
        }
        let age = next.timestamp().to_millis().expect("a time") - OLD;
        assert_eq!(age == 0, way == Way::Forward);
        for row in &headers {
            for name in &row.names {
                let value = given[name].clone();
                match row.cell(way) {
                    "kept" => expected.insert(name.clone(), value),
                    "renamed" => expected.insert(renamed(name), value),
                    other => panic!("{name}: {other}"),
                };
            }
        }
        assert_eq!(found, expected, "{way:?}");
    }
}

/// What an older Spring service writes is in JSON quotes. Readers in other languages do not take them
/// off; other headers keep them.
#[apply(broker_test)]
async fn a_context_in_json_quotes_is_forwarded_without_them() {
    let topic = Topic::on_brokers(1).await;
    let spans = Spans::new();
    let producer = InjectingProducer::new(topic.producer.clone())
        .with_instrumentation(spans.instrumentation.clone());
    let fields = [
        ("order", "7"),
        (
            "traceparent",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ),
        ("x-b3-traceid", "0af7651916cd43dd8448eb211c80319c"),
    ];
    let quoted = fields.map(|(name, value)| (name.to_owned(), format!("\"{value}\"")));
    let message = sent(&topic, Some("7"), Some("order"), &BTreeMap::from(quoted)).await;
    send_on(&producer, &message, Way::Forward, &topic.name)
        .await
        .expect("delivered");
    let mut expected = fields.map(|(name, value)| (name.to_owned(), value.to_owned()));
    "\"7\"".clone_into(&mut expected[0].1);
    assert_eq!(text_headers(&topic.receive().await), expected);
}

/// The time of a message that is tried again and again is that of its first sending.
#[apply(broker_test)]
async fn the_first_time_stays() {
    let topic = Topic::on_brokers(1).await;
    let producer = InjectingProducer::new(topic.producer.clone());
    let mut message = sent(&topic, None, Some("order"), &BTreeMap::new()).await;
    for way in [
        Way::Republish,
        Way::Republish,
        Way::DeadLetter,
        Way::DeadLetter,
    ] {
        let next = send_on(&producer, &message, way, &topic.name).await;
        next.expect("delivered");
        message = topic.receive().await;
        let first = text_headers(&message);
        let first = first
            .iter()
            .filter(|(name, _)| name == "received-timestamp");
        let first: Vec<_> = first.map(|(_, value)| value.as_str()).collect();
        assert_eq!(first, ["1000000000000"]);
    }
}

/// A topic that takes no old messages refuses one that keeps its time, and says so; a letter is
/// stored.
#[apply(broker_test)]
async fn an_old_message_is_put_aside_where_none_is_taken() {
    let (topic, spans) = (Topic::on_brokers(1).await, Spans::new());
    let strict = Topic::with_settings(&[("message.timestamp.before.max.ms", "3600000")]).await;
    let message = sent(&topic, Some("7"), Some("order"), &BTreeMap::new()).await;
    let producer = InjectingProducer::new(topic.producer.clone())
        .with_instrumentation(spans.instrumentation.clone());
    let refused = send_on(&producer, &message, Way::Forward, &strict.name).await;
    let expected = KafkaError::MessageProduction(RDKafkaErrorCode::InvalidTimestamp);
    assert_eq!(refused, Err(expected));
    let span = spans.named(&format!("send {}", strict.name));
    let error = attribute(&span, "error.type");
    assert_eq!(error, Some("INVALID_TIMESTAMP".into()));
    for way in [Way::Republish, Way::DeadLetter] {
        let sent = send_on(&producer, &message, way, &strict.name).await;
        sent.expect("delivered");
        assert_eq!(strict.receive().await.payload(), Some(&b"order"[..]));
    }
}

/// What a compacted topic does to letters is not hidden: without a key they are refused, with an
/// error. A tombstone stays one.
#[apply(broker_test)]
async fn a_compacted_topic_refuses_a_message_without_key() {
    let topic = Topic::on_brokers(1).await;
    let compacted = Topic::with_settings(&[("cleanup.policy", "compact")]).await;
    let message = sent(&topic, None, Some("order"), &BTreeMap::new()).await;
    let tombstone = sent(&topic, Some("7"), None, &BTreeMap::new()).await;
    for way in Way::ALL {
        let spans = Spans::new();
        let producer = InjectingProducer::new(topic.producer.clone())
            .with_instrumentation(spans.instrumentation.clone());
        let refused = send_on(&producer, &message, way, &compacted.name).await;
        let expected = KafkaError::MessageProduction(RDKafkaErrorCode::InvalidRecord);
        assert_eq!(refused, Err(expected), "{way:?}");
        let spans = Spans::new();
        let producer = InjectingProducer::new(topic.producer.clone())
            .with_instrumentation(spans.instrumentation.clone());
        let sent = send_on(&producer, &tombstone, way, &compacted.name).await;
        sent.expect("delivered");
        assert_unfailed(&spans.named(&format!("send {}", compacted.name)));
        let next = compacted.receive().await;
        assert_eq!((next.key(), next.payload()), (Some(&b"7"[..]), None));
    }
}

fn part(message: &OwnedMessage, name: &str) -> String {
    let text = |bytes: Option<&[u8]>| {
        let bytes = bytes.map(<[u8]>::to_vec);
        bytes.map_or_else(String::new, |bytes| String::from_utf8(bytes).expect("text"))
    };
    match name {
        "key" => text(message.key()),
        "payload" => text(message.payload()),
        "timestamp" => message.timestamp().to_millis().expect("a time").to_string(),
        "partition" => message.partition().to_string(),
        "offset" => message.offset().to_string(),
        other => panic!("no part of a message: {other}"),
    }
}

/// An old message, as it arrives.
async fn sent(
    topic: &Topic,
    key: Option<&str>,
    payload: Option<&str>,
    headers: &BTreeMap<String, String>,
) -> OwnedMessage {
    let headers = headers
        .iter()
        .fold(OwnedHeaders::new(), |all, (key, value)| {
            all.insert(Header {
                key,
                value: Some(value),
            })
        });
    let record = FutureRecord {
        topic: &topic.name,
        partition: None,
        payload,
        key,
        timestamp: Some(OLD),
        headers: Some(headers),
    };
    let sent = topic.producer.send(record, PATIENCE).await;
    sent.expect("delivered");
    let message = topic.receive().await;
    assert_eq!(message.timestamp(), Timestamp::CreateTime(OLD));
    message
}

async fn send_on(
    producer: &InjectingProducer<FutureProducer>,
    message: &OwnedMessage,
    way: Way,
    topic: &str,
) -> Result<(), KafkaError> {
    let answer = match way {
        Way::Forward => producer.forward(message, topic, PATIENCE).await,
        Way::Republish => producer.republish(message, topic, PATIENCE).await,
        Way::DeadLetter => {
            let error = "no such article";
            producer.dead_letter(message, &error, topic, PATIENCE).await
        }
    };
    answer.map_err(|(error, _)| error)?;
    Ok(())
}
