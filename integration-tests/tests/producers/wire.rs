//! What the plain clients receive, and the names of the identifiers in it.

use crate::report::{Report, look};
use async_nats::jetstream::{self, stream};
use integration_tests::client::{Client, HeaderList, address, unique};
use integration_tests::kafka::{self, Kafka};
use integration_tests::nats::{self, Nats};
use integration_tests::producers::Producer;
use integration_tests::rabbitmq::{self, RabbitMq};
use lapin::message::Delivery;
use lapin::options::{QueueDeclareOptions, QueueDeleteOptions};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use rdkafka::Message as _;

/// What a message goes through.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Broker {
    Kafka,
    RabbitMq,
    Nats,
}

/// A message on the wire.
#[derive(Debug, PartialEq)]
pub(crate) struct Message {
    pub(crate) payload: String,
    /// Each as `name: value`, sorted by name; a byte array as `name: bytes value`.
    pub(crate) headers: Vec<String>,
}

/// Lets a producer send to a destination of its own, lets the doctor look at it, and receives it all. Gives the
/// traces of the requests, the messages, and the doctor's findings.
pub(crate) async fn read(
    producer: Producer,
    broker: Broker,
    mistake: &str,
    count: usize,
) -> (Vec<String>, Vec<Message>, Vec<String>) {
    match broker {
        Broker::Kafka => of_kafka(producer, mistake, count).await,
        Broker::RabbitMq => of_rabbitmq(producer, mistake, count).await,
        Broker::Nats => of_nats(producer, mistake, count).await,
    }
}

async fn of_kafka(
    producer: Producer,
    mistake: &str,
    count: usize,
) -> (Vec<String>, Vec<Message>, Vec<String>) {
    let mut client = Kafka::connect().await;
    let (brokers, topic) = (address("KAFKA_BROKERS"), client.destination());
    let traces = producer.send(mistake, &brokers, &topic, count).await;
    let report = look(&["kafka", "--brokers", &brokers, "--topic", &topic]).await;
    let mut messages = Vec::new();
    for _ in 0..count {
        let message = client.receive().await;
        let payload = message.payload().unwrap_or_default();
        messages.push(message_of(payload, kafka::text_headers(&message)));
    }
    (traces, messages, findings(&report, count))
}

/// The doctor looks at the messages while they wait in a queue.
async fn of_rabbitmq(
    producer: Producer,
    mistake: &str,
    count: usize,
) -> (Vec<String>, Vec<Message>, Vec<String>) {
    let client = RabbitMq::connect().await;
    let channel = &client.channel;
    let (url, queue) = (address("AMQP_URL"), ShortString::from(unique("producers")));
    let options = QueueDeclareOptions::default();
    let declared = channel.queue_declare(queue.clone(), options, FieldTable::default());
    declared.await.expect("a queue");
    let traces = producer.send(mistake, &url, queue.as_str(), count).await;
    let report = look(&[
        "rabbitmq",
        "--url",
        &url,
        "--queue",
        queue.as_str(),
        "--requeue",
    ])
    .await;
    let mut consumer = client.consume(&queue).await;
    let mut messages = Vec::new();
    for _ in 0..count {
        let delivery = rabbitmq::next(&mut consumer).await;
        messages.push(message_of(&delivery.data, any_headers(&delivery)));
    }
    let deleted = channel.queue_delete(queue, QueueDeleteOptions::default());
    deleted.await.expect("deleted");
    (traces, messages, findings(&report, count))
}

/// A stream keeps the messages for the doctor.
async fn of_nats(
    producer: Producer,
    mistake: &str,
    count: usize,
) -> (Vec<String>, Vec<Message>, Vec<String>) {
    let mut client = Nats::connect().await;
    let (server, subject) = (address("NATS_URL"), client.destination());
    let context = jetstream::new(nats::connect().await);
    let config = stream::Config {
        name: subject.clone(),
        subjects: vec![subject.clone()],
        storage: stream::StorageType::Memory,
        ..stream::Config::default()
    };
    context.create_stream(config).await.expect("a stream");
    let traces = producer.send(mistake, &server, &subject, count).await;
    let report = look(&["nats", "--server", &server, "--stream", &subject]).await;
    context.delete_stream(&subject).await.expect("deleted");
    let mut messages = Vec::new();
    for _ in 0..count {
        let message = client.receive().await;
        messages.push(message_of(&message.payload, nats::text_headers(&message)));
    }
    (traces, messages, findings(&report, count))
}

/// The codes of all findings: the messages are of one producer to one destination.
fn findings(report: &Report, count: usize) -> Vec<String> {
    assert_eq!(report.json["messages"], count, "{:#}", report.json);
    let findings = report.json["findings"].as_array().expect("a list").iter();
    let codes = findings.map(|finding| finding["code"].as_str().expect("text").to_owned());
    codes.collect()
}

/// Whether the broker rewrites names: NATS 2.11 and 2.12 do.
pub(crate) async fn rewrites(broker: Broker) -> bool {
    matches!(broker, Broker::Nats) && nats::rewrites_traceparent(&nats::connect().await)
}

/// What becomes of these headers on the way.
pub(crate) async fn delivered(broker: Broker, headers: Vec<String>) -> Vec<String> {
    if !rewrites(broker).await {
        return headers;
    }
    let rewrite = |header: String| header.replace("Traceparent: ", "traceparent: ");
    headers.into_iter().map(rewrite).collect()
}

/// All producers add one header of their own, which has to arrive.
fn message_of(payload: &[u8], mut headers: HeaderList) -> Message {
    let own = ("source".to_owned(), "shop".to_owned());
    let place = headers.iter().position(|header| *header == own);
    headers.remove(place.expect("the producer's own header"));
    // A stable order, so that headers of one name stay as they came.
    headers.sort_by(|one, other| one.0.cmp(&other.0));
    let headers = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}"));
    Message {
        payload: String::from_utf8(payload.to_vec()).expect("text"),
        headers: headers.collect(),
    }
}

fn any_headers(delivery: &Delivery) -> HeaderList {
    let headers = delivery.properties.headers().as_ref();
    let headers = headers.expect("the producer's own header").inner().iter();
    let text = |value: &AMQPValue| match value {
        AMQPValue::LongString(text) => text.to_string(),
        AMQPValue::ByteArray(bytes) => {
            format!("bytes {}", str::from_utf8(bytes.as_slice()).expect("text"))
        }
        other => panic!("neither text nor bytes: {other:?}"),
    };
    headers
        .map(|(name, value)| (name.to_string(), text(value)))
        .collect()
}

/// The messages with names in the place of identifiers: see [`Headers`](crate::case::Headers).
pub(crate) fn shaped(traces: &[String], messages: &[Message]) -> Vec<Message> {
    let (mut others, mut spans) = (Vec::new(), Vec::new());
    let mut shape = |header: &String| {
        let mut shaped = joined_x_ray(header);
        for identifier in identifiers(&shaped.clone()) {
            let name = match identifier.len() {
                32 => match traces.iter().position(|trace| *trace == identifier) {
                    Some(place) => format!("TRACE{}", place + 1),
                    None => format!("OTHER{}", number_of(&identifier, &mut others)),
                },
                _ => format!("SPAN{}", number_of(&identifier, &mut spans)),
            };
            shaped = shaped.replacen(&identifier, &name, 1);
        }
        shaped
    };
    messages
        .iter()
        .map(|message| Message {
            payload: message.payload.clone(),
            headers: message.headers.iter().map(&mut shape).collect(),
        })
        .collect()
}

/// X-Ray writes a trace in two parts, `1-01234567-89abcdef01234567 89abcdef` without the space.
fn joined_x_ray(header: &str) -> String {
    match header.split_once("Root=1-") {
        Some((before, after)) => format!("{before}Root=1-{}", after.replacen('-', "", 1)),
        None => header.to_owned(),
    }
}

/// The words of a header's value that have the length of a trace's or a span's identifier.
fn identifiers(header: &str) -> Vec<String> {
    let is_hex = |letter: char| matches!(letter, '0'..='9' | 'a'..='f');
    let words = header.split(|letter| !is_hex(letter));
    words
        .filter(|word| matches!(word.len(), 16 | 32))
        .map(str::to_owned)
        .collect()
}

/// Its number by first appearance, from 1.
fn number_of(identifier: &str, known: &mut Vec<String>) -> usize {
    let place = known.iter().position(|it| it == identifier);
    place.unwrap_or_else(|| {
        known.push(identifier.to_owned());
        known.len() - 1
    }) + 1
}
