//! A population of messages, good and bad: what the doctor counts of it, exactly, and which causes it names.

use crate::report::{Report, look};
use async_nats::HeaderMap;
use async_nats::jetstream;
use async_nats::jetstream::stream;
use integration_tests::client::{Client, address, unique};
use integration_tests::kafka::Kafka;
use integration_tests::nats::{connect, rewrites_traceparent};
use integration_tests::rabbitmq::RabbitMq;
use integration_tests::{apply, broker_test};
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions, ExchangeDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Confirmation, ExchangeKind};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::util::Timeout;
use serde_json::json;
use std::collections::BTreeMap;

impl Report {
    /// What is counted of a producer.
    fn producer(&self, destination: &str, producer: &str) -> &serde_json::Value {
        let named = |of: &serde_json::Value, name: &str| of["name"] == name;
        let destinations = self.json["destinations"].as_array().expect("a list");
        let mut destinations = destinations.iter();
        let found = destinations.find(|found| named(found, destination));
        let found = found.unwrap_or_else(|| panic!("no {destination} in {:#}", self.json));
        let mut producers = found["producers"].as_array().expect("a list").iter();
        let found = producers.find(|found| named(found, producer));
        found.unwrap_or_else(|| panic!("no {producer} in {:#}", self.json))
    }

    /// The codes of the findings of a producer.
    fn findings(&self, destination: &str, producer: &str) -> Vec<&str> {
        let findings = self.json["findings"].as_array().expect("a list");
        let of_producer = findings.iter().filter(|finding| {
            finding["destination"] == destination && finding["producer"] == producer
        });
        let codes = of_producer.map(|finding| finding["code"].as_str().expect("text"));
        codes.collect()
    }
}

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const OTHER_TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// The value of a header on the wire.
#[derive(Clone, Debug)]
enum Value {
    Text(String),
    Bytes(Vec<u8>),
    Null,
}

/// Messages of one producer.
struct Kind {
    /// The producer's name: a key's prefix, a routing key, a part of the subject.
    name: &'static str,
    /// What its headers tell of it beside that.
    hint: &'static str,
    /// How many it sends.
    messages: u64,
    /// The headers of its nth message.
    headers: fn(u64) -> Vec<(&'static str, Value)>,
    health: &'static str,
    /// Each on every one of its messages.
    symptoms: &'static [&'static str],
    findings: &'static [&'static str],
}

fn traceparent(nth: u64, flags: &str) -> Value {
    Value::Text(format!("00-{TRACE}-{:016x}-{flags}", nth + 1))
}

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

/// Of one system, the kinds that only it knows are at the end.
fn kinds() -> Vec<Kind> {
    vec![
        Kind {
            name: "good",
            hint: "",
            messages: 20,
            headers: |nth| {
                vec![
                    ("traceparent", traceparent(nth, "01")),
                    ("order", text("7")),
                ]
            },
            health: "valid",
            symptoms: &[],
            findings: &[],
        },
        Kind {
            name: "baggage",
            hint: "",
            messages: 2,
            headers: |nth| {
                let baggage = text("tenant=acme%20corp,card=4711");
                vec![
                    ("traceparent", traceparent(nth, "01")),
                    ("baggage", baggage),
                ]
            },
            health: "valid",
            symptoms: &["baggage"],
            findings: &["baggage-leaves"],
        },
        Kind {
            name: "unsampled",
            hint: "",
            messages: 3,
            headers: |nth| vec![("traceparent", traceparent(nth, "00"))],
            health: "valid",
            symptoms: &["unsampled"],
            findings: &["unsampled"],
        },
        Kind {
            name: "random",
            hint: "",
            messages: 4,
            headers: |nth| vec![("traceparent", traceparent(nth, "03"))],
            health: "valid",
            symptoms: &["flags-03"],
            findings: &["flags-03"],
        },
        Kind {
            name: "missing",
            hint: "",
            messages: 7,
            headers: |_| vec![("order", text("7"))],
            health: "missing",
            symptoms: &["missing"],
            findings: &["not-injected"],
        },
        Kind {
            name: "malformed",
            hint: "",
            messages: 5,
            headers: |_| vec![("traceparent", text("00-1-2-01"))],
            health: "malformed",
            symptoms: &["malformed-traceparent"],
            findings: &["malformed-traceparent"],
        },
        Kind {
            name: "zipkin",
            hint: ", B3",
            messages: 6,
            headers: |nth| {
                let span = Value::Text(format!("{:016x}", nth + 1));
                vec![
                    ("X-B3-TraceId", text(TRACE)),
                    ("X-B3-SpanId", span),
                    ("X-B3-Sampled", text("1")),
                ]
            },
            health: "foreign",
            symptoms: &["other-format"],
            findings: &["other-format"],
        },
        Kind {
            name: "both",
            hint: ", Jaeger client",
            messages: 2,
            headers: |nth| {
                let jaeger = Value::Text(format!("{OTHER_TRACE}:{:016x}:0:1", nth + 1));
                vec![
                    ("traceparent", traceparent(nth, "01")),
                    ("uber-trace-id", jaeger),
                ]
            },
            health: "valid",
            symptoms: &["formats-differ", "other-format-too"],
            findings: &["formats-differ", "other-format-too"],
        },
        Kind {
            name: "frozen",
            hint: "",
            messages: 12,
            headers: |_| vec![("traceparent", traceparent(0, "01"))],
            health: "valid",
            // On all but the first.
            symptoms: &[],
            findings: &["frozen-context"],
        },
    ]
}

/// So many messages of one health, and none of another.
fn health(of: &str, messages: u64) -> serde_json::Value {
    let kinds = ["valid", "missing", "malformed", "foreign", "contradicting"];
    let counts = kinds.map(|kind| (kind, if kind == of { messages } else { 0 }));
    json!(counts.into_iter().collect::<BTreeMap<_, _>>())
}

/// What the doctor has to say of one kind.
fn expect(report: &Report, destination: &str, producer: &str, kind: &Kind) {
    let counted = report.producer(destination, producer);
    assert_eq!(
        counted["messages"], kind.messages,
        "{producer}: {counted:#}"
    );
    assert_eq!(
        counted["health"],
        health(kind.health, kind.messages),
        "{producer}"
    );
    let mut symptoms: serde_json::Map<_, _> = kind
        .symptoms
        .iter()
        .map(|symptom| ((*symptom).to_owned(), json!(kind.messages)))
        .collect();
    if kind.findings.contains(&"frozen-context") {
        symptoms.insert("same-context".to_owned(), json!(kind.messages - 1));
    }
    assert_eq!(counted["symptoms"], json!(symptoms), "{producer}");
    let mut findings = report.findings(destination, producer);
    findings.sort();
    assert_eq!(findings, kind.findings, "{producer}");
}

/// What it says of all of them.
fn expect_all(report: &Report, destination: &str, kinds: &[Kind]) {
    for kind in kinds {
        let producer = format!("key {}…{}", kind.name, kind.hint);
        expect(report, destination, &producer, kind);
    }
    let all: u64 = kinds.iter().map(|kind| kind.messages).sum();
    let valid = kinds.iter().filter(|kind| kind.health == "valid");
    let valid: u64 = valid.map(|kind| kind.messages).sum();
    assert_eq!(report.json["healthy"], json!({ "of": all, "valid": valid }));
    let text = report.json.to_string();
    assert!(!text.contains("4711"), "a value of baggage: {text}");
    assert!(text.contains("card"), "its key: {text}");
}

#[apply(broker_test)]
async fn kafka() {
    let kafka = Kafka::connect().await;
    let topic = kafka.topic();
    let mut kinds = kinds();
    kinds.extend([
        Kind {
            name: "contradicting",
            hint: "",
            messages: 3,
            headers: |nth| {
                let other = Value::Text(format!("00-{OTHER_TRACE}-{:016x}-01", nth + 1));
                vec![
                    ("traceparent", traceparent(nth, "01")),
                    ("traceparent", other),
                ]
            },
            health: "contradicting",
            symptoms: &["contradicting"],
            findings: &["contradicting"],
        },
        Kind {
            name: "appended",
            hint: "",
            messages: 2,
            headers: |nth| vec![("traceparent", traceparent(nth, "01")); 2],
            health: "valid",
            symptoms: &["repeated"],
            findings: &["repeated-context"],
        },
        Kind {
            name: "spelled",
            hint: "",
            messages: 2,
            headers: |nth| vec![("Traceparent", traceparent(nth, "01"))],
            health: "valid",
            symptoms: &["odd-spelling"],
            findings: &["odd-spelling"],
        },
        Kind {
            name: "binary",
            hint: "",
            messages: 1,
            headers: |_| vec![("traceparent", Value::Bytes(vec![0xff, 0]))],
            health: "malformed",
            symptoms: &["not-text"],
            findings: &["value-not-text"],
        },
        Kind {
            name: "nothing",
            hint: "",
            messages: 1,
            headers: |_| vec![("traceparent", Value::Null)],
            health: "malformed",
            symptoms: &["not-text"],
            findings: &["value-not-text"],
        },
        Kind {
            name: "quoted",
            hint: "",
            messages: 2,
            headers: |nth| {
                let Value::Text(value) = traceparent(nth, "01") else {
                    unreachable!()
                };
                vec![("traceparent", Value::Text(format!("\"{value}\"")))]
            },
            health: "valid",
            symptoms: &["json-quotes"],
            findings: &["json-quotes"],
        },
    ]);
    let producer: FutureProducer = topic.config().create().expect("a producer");
    for kind in &kinds {
        for nth in 0..kind.messages {
            let mut headers = OwnedHeaders::new();
            for (key, value) in (kind.headers)(nth) {
                headers = headers.insert(Header {
                    key,
                    value: match &value {
                        Value::Text(text) => Some(text.as_bytes()),
                        Value::Bytes(bytes) => Some(bytes.as_slice()),
                        Value::Null => None,
                    },
                });
            }
            let key = format!("{}-{nth}", kind.name);
            let record = FutureRecord::to(&topic.name)
                .key(&key)
                .payload("order")
                .headers(headers);
            producer.send(record, Timeout::Never).await.expect("sent");
        }
    }
    let brokers = address("KAFKA_BROKERS");
    let report = look(&["kafka", "--brokers", &brokers, "--topic", &topic.name]).await;
    expect_all(&report, &topic.name, &kinds);
}

#[apply(broker_test)]
async fn rabbitmq() {
    let rabbitmq = RabbitMq::connect().await;
    let channel = rabbitmq.open_channel().await;
    let exchange = unique("population");
    let declared = channel.exchange_declare(
        exchange.as_str().into(),
        ExchangeKind::Topic,
        ExchangeDeclareOptions::default(),
        FieldTable::default(),
    );
    declared.await.expect("an exchange");
    channel
        .confirm_select(ConfirmSelectOptions::default())
        .await
        .expect("confirms");
    let mut kinds = kinds();
    kinds.extend([
        Kind {
            name: "contradicting",
            hint: "",
            messages: 3,
            headers: |nth| {
                let other = Value::Text(format!("00-{OTHER_TRACE}-{:016x}-01", nth + 1));
                vec![
                    ("TraceParent", traceparent(nth, "01")),
                    ("Traceparent", other),
                ]
            },
            health: "contradicting",
            symptoms: &["contradicting", "odd-spelling"],
            findings: &["contradicting", "odd-spelling"],
        },
        Kind {
            name: "binary",
            hint: "",
            messages: 2,
            headers: |nth| {
                let Value::Text(value) = traceparent(nth, "01") else {
                    unreachable!()
                };
                vec![("traceparent", Value::Bytes(value.into_bytes()))]
            },
            health: "valid",
            symptoms: &["binary-value"],
            findings: &["binary-value"],
        },
        Kind {
            name: "nothing",
            hint: "",
            messages: 1,
            headers: |_| vec![("traceparent", Value::Null)],
            health: "malformed",
            symptoms: &["not-text"],
            findings: &["value-not-text"],
        },
    ]);
    let all: u64 = kinds.iter().map(|kind| kind.messages).sum();
    // With the one message that tells that the doctor listens.
    let most = (all + 1).to_string();
    let url = address("AMQP_URL");
    let arguments = [
        "rabbitmq",
        "--url",
        &url,
        "--exchange",
        &exchange,
        "--for",
        "60s",
        "--max",
        &most,
    ];
    let sending = async {
        while !is_routed(&channel, &exchange).await {}
        for kind in &kinds {
            for nth in 0..kind.messages {
                let headers = amqp_headers(&(kind.headers)(nth));
                let routed = publish(&channel, &exchange, kind.name, headers).await;
                assert!(routed, "the doctor's queue is gone");
            }
        }
    };
    let (report, ()) = tokio::join!(look(&arguments), sending);
    assert_eq!(report.json["ended_by"], "max");
    let probe = &report.producer(&exchange, "routing key probe")["health"];
    assert_eq!(*probe, health("valid", 1));
    for kind in &kinds {
        let producer = format!("routing key {}{}", kind.name, kind.hint);
        expect(&report, &exchange, &producer, kind);
    }
    let deleted = channel.exchange_delete(exchange.as_str().into(), Default::default());
    deleted.await.expect("deleted");
}

fn amqp_headers(headers: &[(&'static str, Value)]) -> FieldTable {
    let mut table = FieldTable::default();
    for (name, value) in headers {
        let value = match value {
            Value::Text(text) => AMQPValue::LongString(text.as_str().into()),
            Value::Bytes(bytes) => AMQPValue::ByteArray(bytes.as_slice().into()),
            Value::Null => AMQPValue::Void,
        };
        table.insert((*name).into(), value);
    }
    table
}

/// Whether a queue is bound that takes a message: that of the doctor.
async fn is_routed(channel: &Channel, exchange: &str) -> bool {
    let headers = amqp_headers(&[("traceparent", traceparent(99, "01"))]);
    publish(channel, exchange, "probe", headers).await
}

/// Publishes a message, and says whether a queue took it.
async fn publish(channel: &Channel, exchange: &str, key: &str, headers: FieldTable) -> bool {
    let options = BasicPublishOptions {
        mandatory: true,
        ..BasicPublishOptions::default()
    };
    let properties = BasicProperties::default().with_headers(headers);
    let confirm = channel
        .basic_publish(exchange.into(), key.into(), options, b"order", properties)
        .await
        .expect("published");
    matches!(confirm.await.expect("confirmed"), Confirmation::Ack(None))
}

#[apply(broker_test)]
async fn nats() {
    let client = connect().await;
    let context = jetstream::new(client.clone());
    let stream = unique("population");
    context
        .create_stream(stream::Config {
            name: stream.clone(),
            subjects: vec![format!("{stream}.>")],
            ..stream::Config::default()
        })
        .await
        .expect("a stream");
    let mut kinds = kinds();
    // An older server rewrites names on the way.
    let rewrites = rewrites_traceparent(&client);
    kinds.extend([
        Kind {
            name: "contradicting",
            hint: "",
            messages: 3,
            headers: |nth| {
                let other = Value::Text(format!("00-{OTHER_TRACE}-{:016x}-01", nth + 1));
                vec![
                    ("traceparent", traceparent(nth, "01")),
                    ("traceparent", other),
                ]
            },
            health: "contradicting",
            symptoms: &["contradicting"],
            findings: &["contradicting"],
        },
        Kind {
            name: "title",
            hint: "",
            messages: 4,
            headers: |nth| vec![("Traceparent", traceparent(nth, "01"))],
            health: "valid",
            symptoms: if rewrites { &[] } else { &["odd-spelling"] },
            findings: if rewrites { &[] } else { &["odd-spelling"] },
        },
        Kind {
            name: "spellings",
            hint: "",
            messages: 2,
            headers: |nth| {
                let value = traceparent(nth, "01");
                vec![("traceparent", value.clone()), ("Traceparent", value)]
            },
            health: "valid",
            symptoms: if rewrites {
                &["repeated"]
            } else {
                &["both-spellings"]
            },
            findings: if rewrites {
                &["repeated-context"]
            } else {
                &["both-spellings"]
            },
        },
    ]);
    for kind in &kinds {
        for nth in 0..kind.messages {
            let mut headers = HeaderMap::new();
            for (name, value) in (kind.headers)(nth) {
                let Value::Text(value) = value else {
                    panic!("headers of NATS are text")
                };
                headers.append(name, value.as_str());
            }
            let subject = format!("{stream}.{}", kind.name);
            let sent = context.publish_with_headers(subject, headers, "order".into());
            sent.await.expect("sent").await.expect("stored");
        }
    }
    let server = address("NATS_URL");
    let report = look(&["nats", "--server", &server, "--stream", &stream]).await;
    for kind in &kinds {
        // The name of the stream has digits.
        let producer = kind.hint.trim_start_matches(", ");
        expect(&report, &format!("*.{}", kind.name), producer, kind);
    }
    context.delete_stream(&stream).await.expect("deleted");
}
