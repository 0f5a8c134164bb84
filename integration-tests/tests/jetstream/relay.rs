//! What becomes of each header when a message is sent on, as the adapter's README has it.

use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::consumer::pull;
use async_nats::jetstream::publish::PublishAck;
use async_nats::jetstream::stream;
use async_nats::{HeaderMap, Message, jetstream};
use futures_util::StreamExt;
use integration_tests::client::{Client, HeaderList, in_time, unique};
use integration_tests::nats::JetStream;
use integration_tests::spans::{Spans, attribute};
use integration_tests::version::Version;
use otel_messaging_async_nats::InjectingProducer;

const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const README: &str = include_str!("../../../crates/otel-messaging-async-nats/README.md");

/// What nats-server 2.15.2 names in its source, but for those between the parts of a cluster and of
/// its HTTP and WebSocket sides.
const OF_THE_SERVER: [&str; 54] = [
    "Accept-Encoding",
    "KV-Operation",
    "Nats-Batch-Commit",
    "Nats-Batch-Id",
    "Nats-Batch-Sequence",
    "Nats-Consumer-Stalled",
    "Nats-Counter-Sources",
    "Nats-Expected-Last-Msg-Id",
    "Nats-Expected-Last-Sequence",
    "Nats-Expected-Last-Subject-Sequence",
    "Nats-Expected-Last-Subject-Sequence-Subject",
    "Nats-Expected-Stream",
    "Nats-Incr",
    "Nats-Last-Consumer",
    "Nats-Last-Sequence",
    "Nats-Last-Stream",
    "Nats-Marker-Reason",
    "Nats-Msg-Id",
    "Nats-Msg-Size",
    "Nats-Num-Pending",
    "Nats-Pending-Bytes",
    "Nats-Pending-Messages",
    "Nats-Pin-Id",
    "Nats-Request-Info",
    "Nats-Required-Api-Level",
    "Nats-Response-Type",
    "Nats-Rollup",
    "Nats-Schedule",
    "Nats-Schedule-Next",
    "Nats-Schedule-Rollup",
    "Nats-Schedule-Source",
    "Nats-Schedule-TTL",
    "Nats-Schedule-Target",
    "Nats-Schedule-Time-Zone",
    "Nats-Scheduler",
    "Nats-Sequence",
    "Nats-Server-Xkey",
    "Nats-Service-Error",
    "Nats-Service-Error-Code",
    "Nats-Stream",
    "Nats-Stream-Identity",
    "Nats-Stream-Source",
    "Nats-Subject",
    "Nats-TTL",
    "Nats-Time-Stamp",
    "Nats-Trace-Dest",
    "Nats-Trace-Hop",
    "Nats-Trace-Only",
    "Nats-Trace-Origin-Account",
    "Nats-UpTo-Sequence",
    "Nmqtt-Mapped",
    "Nmqtt-Pub",
    "Nmqtt-PubRel",
    "Nmqtt-Subject",
];

/// In the order of the table's columns.
const WAYS: [&str; 3] = ["forward", "republish", "dead_letter"];

/// The headers of the README's table, each with what the three ways do with it.
fn table() -> Vec<(String, [&'static str; 3])> {
    let start = "| header | what a server or a reader does with it | `forward` | `republish` | `dead_letter` |";
    let (_, rows) = README.split_once(start).expect("the table");
    let rows = rows
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'));
    let mut table = Vec::new();
    for row in rows {
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        let [_, headers, _, forward, republish, dead_letter, _] = cells[..] else {
            panic!("not five cells: {row}");
        };
        if headers.contains("reply subject") || headers.contains("status") {
            continue;
        }
        if headers == "all others" {
            table.push(("Order".to_owned(), [forward, republish, dead_letter]));
        }
        for name in headers.split('`').skip(1).step_by(2) {
            let name = name.replace('…', "Unheard-Of");
            table.push((name, [forward, republish, dead_letter]));
        }
    }
    table
}

/// A value that has its effect.
fn value(name: &str) -> String {
    match name {
        "Nats-Msg-Id" => unique("id"),
        "Nats-Incr" => "+1".to_owned(),
        "Nats-Rollup" => "all".to_owned(),
        "Nats-Stream-Source" => "ORDERS:TkGkqCOu 7 > > orders".to_owned(),
        "Nats-TTL" => "1s".to_owned(),
        "Nats-Schedule" => "@every 1h".to_owned(),
        "Nats-Expected-Stream" => "another".to_owned(),
        "KV-Operation" => "DEL".to_owned(),
        "Nats-Trace-Dest" => "reports".to_owned(),
        _ => "17".to_owned(),
    }
}

/// A message that came from another subject with these headers.
fn message(headers: &[(&str, &str)]) -> Message {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(*name, *value);
    }
    Message {
        subject: "elsewhere".into(),
        reply: None,
        payload: "order".into(),
        headers: Some(map),
        status: None,
        description: None,
        length: 0,
    }
}

/// Sends the message on to the client's stream, by JetStream.
async fn send_on(
    producer: &InjectingProducer<jetstream::Context>,
    way: &str,
    message: &Message,
    subject: &str,
) -> Result<PublishAck, jetstream::context::PublishError> {
    let subject = subject.to_owned();
    let pending = match way {
        "forward" => producer.forward(message, subject).await,
        "republish" => producer.republish(message, subject).await,
        _ => producer.dead_letter(message, &"no", subject).await,
    };
    in_time("an acknowledgement", pending?.into_future()).await
}

/// The same, by core NATS.
async fn send_on_by_core(
    producer: &InjectingProducer<async_nats::Client>,
    way: &str,
    message: &Message,
    subject: &str,
) {
    let subject = subject.to_owned();
    let sent = match way {
        "forward" => producer.forward(message, subject).await,
        "republish" => producer.republish(message, subject).await,
        _ => producer.dead_letter(message, &"no", subject).await,
    };
    sent.expect("the client takes the message");
}

/// Those that the test's own header may have become.
fn related(headers: HeaderList, name: &str) -> HeaderList {
    let mut headers = headers;
    headers.retain(|(key, _)| key.to_lowercase().ends_with(&name.to_lowercase()));
    headers
}

/// Each message is stored, whatever header it came with, and the header is what the table says.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(
    not(feature = "brokers"),
    ignore = "needs brokers: integration-tests/run"
)]
async fn the_table_of_headers_is_true() {
    let (mut stream, spans) = (JetStream::connect().await, Spans::new());
    let by = spans.instrumentation.clone();
    let producer = stream.injecting(&by);
    let core = InjectingProducer::new(stream.context.client()).with_instrumentation(by);
    let mut sequence = 0;
    for (name, fates) in table() {
        for (way, fate) in WAYS.into_iter().zip(fates) {
            let prefix = match (fate, way) {
                ("kept", _) => "",
                ("renamed", "dead_letter") => "dead-letter-",
                ("renamed", _) => "received-",
                _ => panic!("{name}, {way}: {fate}"),
            };
            for by_core in [false, true] {
                eprintln!("{way} {name}, by core NATS: {by_core}");
                let value = value(&name);
                let message = message(&[("traceparent", TRACEPARENT), (&name, &value)]);
                sequence += 1;
                if by_core {
                    send_on_by_core(&core, way, &message, &stream.subject).await;
                } else {
                    let stored = send_on(&producer, way, &message, &stream.subject).await;
                    let stored = stored.expect("stored");
                    assert_eq!((stored.sequence, stored.duplicate), (sequence, false));
                }
                let arrived = stream.receive().await;
                assert_eq!(&arrived.payload[..], b"order");
                let found = related(JetStream::headers(&arrived), &name);
                let expected = match prefix {
                    "" => name.clone(),
                    prefix => prefix.to_owned() + &name.to_lowercase(),
                };
                assert_eq!(found, [(expected, value)]);
            }
        }
    }
}

/// Every header that the server has a name for is in the table.
#[test]
fn the_table_of_headers_is_complete() {
    let table = table();
    for name in OF_THE_SERVER {
        let rows = table.iter().filter(|(found, _)| found == name);
        assert_eq!(rows.count(), 1, "{name}");
    }
}

/// Why: the codes that the table names.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(
    not(feature = "brokers"),
    ignore = "needs brokers: integration-tests/run"
)]
async fn a_stream_refuses_them_from_a_client() {
    let stream = JetStream::connect().await;
    let server = Version::of_nats(&stream.context.client());
    for (name, code, since) in [
        ("Nats-Expected-Stream", 10060, Version(2, 10)),
        ("Nats-Expected-Last-Sequence", 10071, Version(2, 10)),
        ("Nats-Expected-Last-Subject-Sequence", 10071, Version(2, 10)),
        ("Nats-Expected-Last-Msg-Id", 10070, Version(2, 10)),
        (
            "Nats-Expected-Last-Subject-Sequence-Subject",
            10193,
            Version(2, 12),
        ),
        ("Nats-Rollup", 10111, Version(2, 10)),
        ("Nats-TTL", 10166, Version(2, 11)),
        ("Nats-Incr", 10168, Version(2, 12)),
        ("Nats-Batch-Id", 10174, Version(2, 12)),
        ("Nats-Schedule", 10188, Version(2, 12)),
        ("Nats-Stream-Source", 10227, Version(2, 15)),
    ] {
        assert!(README.contains(&code.to_string()), "{code}");
        if server < since {
            continue;
        }
        let mut headers = HeaderMap::new();
        headers.insert(name, value(name));
        let publish =
            stream
                .context
                .publish_with_headers(stream.subject.clone(), headers, "order".into());
        let answer = in_time("an answer", publish.await.expect("taken").into_future()).await;
        let error = answer.expect_err(name);
        let said = std::error::Error::source(&error).expect("the stream's answer");
        let said = said.downcast_ref::<jetstream::Error>();
        let said = said.expect("an answer").error_code();
        assert_eq!(said, ErrorCode(code), "{name}");
    }
}

/// A bridge that forwards a message twice leaves it once; what is sent again is there again, in the
/// stream that has the message too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(
    not(feature = "brokers"),
    ignore = "needs brokers: integration-tests/run"
)]
async fn an_id_makes_a_duplicate_of_what_is_forwarded_and_of_nothing_else() {
    let (mut client, next) = (JetStream::connect().await, JetStream::connect().await);
    let spans = Spans::new();
    let producer = client.injecting(&spans.instrumentation);
    client.send_plain(&[("Nats-Msg-Id", "m-7")]).await;
    let message = client.receive().await;
    for is_duplicate in [false, true] {
        let forwarded = send_on(&producer, "forward", &message, &next.subject).await;
        let answer = forwarded.expect("answered");
        assert_eq!((answer.sequence, answer.duplicate), (1, is_duplicate));
        let last = spans.all().pop().expect("a span");
        let said = attribute(&last, "messaging.nats.duplicate");
        assert_eq!(said, is_duplicate.then(|| true.into()));
    }
    for (way, name) in [
        ("republish", "received-nats-msg-id"),
        ("republish", "received-nats-msg-id"),
        ("dead_letter", "dead-letter-nats-msg-id"),
        ("dead_letter", "dead-letter-nats-msg-id"),
    ] {
        let stored = send_on(&producer, way, &message, &client.subject).await;
        assert!(!stored.expect("stored").duplicate);
        let arrived = client.receive().await;
        let expected = [(name.to_owned(), "m-7".to_owned())];
        assert_eq!(
            related(JetStream::headers(&arrived), "Nats-Msg-Id"),
            expected
        );
    }
}

/// What the first hop found stays; a message in a circle does not grow.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(
    not(feature = "brokers"),
    ignore = "needs brokers: integration-tests/run"
)]
async fn a_message_that_is_sent_on_again_keeps_what_it_first_came_with() {
    let (mut stream, spans) = (JetStream::connect().await, Spans::new());
    let producer = stream.injecting(&spans.instrumentation);
    for (way, prefix) in [
        ("forward", "received-"),
        ("republish", "received-"),
        ("dead_letter", "dead-letter-"),
    ] {
        let first = message(&[("Nats-Sequence", "1"), ("nats-subject", "orders")]);
        let sent = send_on(&producer, way, &first, &stream.subject).await;
        sent.expect("stored");
        let mut again = stream.receive().await.message.clone();
        let headers = again.headers.as_mut().expect("headers");
        headers.insert("Nats-Sequence", "2");
        let sent = send_on(&producer, way, &again, &stream.subject).await;
        sent.expect("stored");
        let arrived = JetStream::headers(&stream.receive().await);
        let sequence = (format!("{prefix}nats-sequence"), "1".to_owned());
        assert_eq!(related(arrived.clone(), "Nats-Sequence")[1..], []);
        assert!(arrived.contains(&sequence), "{arrived:?}");
        let subject = (format!("{prefix}nats-subject"), "orders".to_owned());
        assert!(arrived.contains(&subject), "{arrived:?}");
    }
}

/// A new instruction beside the renamed one is heeded. Servers up to 2.11 would not see it behind a
/// name that ends as it does, and the map has another order each time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(
    not(feature = "brokers"),
    ignore = "needs brokers: integration-tests/run"
)]
async fn what_is_renamed_hides_no_new_instruction() {
    let (mut stream, spans) = (JetStream::connect().await, Spans::new());
    let producer = stream.injecting(&spans.instrumentation);
    let subject = stream.subject.clone();
    for way in WAYS {
        for _ in 0..10 {
            let old = message(&[("Nats-Expected-Stream", &subject)]);
            let sent = send_on(&producer, way, &old, &subject).await;
            sent.expect("stored");
            let mut headers = HeaderMap::new();
            for (name, value) in JetStream::headers(&stream.receive().await) {
                headers.insert(name, value);
            }
            headers.insert("Nats-Expected-Stream", "another");
            let publish = producer.publish_with_headers(subject.clone(), headers, "7".into());
            let answer = publish.await.expect("taken").await;
            answer.expect_err("another stream was expected");
        }
    }
}

/// What a stream itself writes into a message that it takes from another one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(
    not(feature = "brokers"),
    ignore = "needs brokers: integration-tests/run"
)]
async fn a_message_from_a_stream_with_a_source_is_sent_on() {
    let (origin, mut next) = (JetStream::connect().await, JetStream::connect().await);
    let spans = Spans::new();
    let name = unique("aggregate");
    let config = stream::Config {
        name: name.clone(),
        sources: Some(vec![stream::Source {
            name: origin.subject.clone(),
            ..stream::Source::default()
        }]),
        storage: stream::StorageType::Memory,
        ..stream::Config::default()
    };
    let aggregate = origin
        .context
        .create_stream(config)
        .await
        .expect("a stream");
    let message = first_of(&aggregate, pull::Config::default(), &origin).await;
    let written = related(JetStream::headers(&message), "Nats-Stream-Source");
    let [(_, source)] = &written[..] else {
        panic!("one source, not {written:?}");
    };
    let producer = next.injecting(&spans.instrumentation);
    for way in WAYS {
        let stored = send_on(&producer, way, &message, &next.subject).await;
        stored.expect("stored");
        let arrived = related(
            JetStream::headers(&next.receive().await),
            "Nats-Stream-Source",
        );
        let [(name, value)] = &arrived[..] else {
            panic!("one, not {arrived:?}");
        };
        assert_ne!(name, "Nats-Stream-Source");
        assert_eq!(value, source);
    }
}

/// A consumer that asked for headers alone has no payload to send on: the message says so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(
    not(feature = "brokers"),
    ignore = "needs brokers: integration-tests/run"
)]
async fn a_message_without_its_payload_says_how_much_is_missing() {
    let (origin, mut next) = (JetStream::connect().await, JetStream::connect().await);
    let spans = Spans::new();
    let config = pull::Config {
        headers_only: true,
        ..pull::Config::default()
    };
    let message = first_of(&origin.stream, config, &origin).await;
    let producer = next.injecting(&spans.instrumentation);
    for (way, name) in [
        ("forward", "received-nats-msg-size"),
        ("republish", "received-nats-msg-size"),
        ("dead_letter", "dead-letter-nats-msg-size"),
    ] {
        let stored = send_on(&producer, way, &message, &next.subject).await;
        stored.expect("stored");
        let arrived = next.receive().await;
        assert!(arrived.payload.is_empty());
        let expected = [(name.to_owned(), "5".to_owned())];
        assert_eq!(
            related(JetStream::headers(&arrived), "Nats-Msg-Size"),
            expected
        );
        if way == "dead_letter" {
            let headers = arrived.headers.as_ref().expect("headers");
            let place = headers.get("dead-letter-sequence").expect("its place");
            let place = place.as_str().parse().expect("a number");
            let whole = origin.stream.get_raw_message(place).await;
            assert_eq!(&whole.expect("it is there").payload[..], b"order");
        }
    }
}

/// The message goes, if its own headers fit, without the instructions under their longer names.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(
    not(feature = "brokers"),
    ignore = "needs brokers: integration-tests/run"
)]
async fn a_message_at_the_limit_is_sent_on_without_its_instructions() {
    let (mut stream, spans) = (JetStream::connect().await, Spans::new());
    let client = stream.context.client();
    let producer = stream.injecting(&spans.instrumentation);
    let size = "NATS/1.0\r\nNats-Expected-Stream: another\r\norder: 7\r\n\r\n".len();
    for (room, expected) in [(size, 0), (size + "received-".len(), 1)] {
        let mut message = message(&[("Nats-Expected-Stream", "another"), ("order", "7")]);
        message.payload = vec![b'x'; client.max_payload() - room].into();
        for way in ["forward", "republish"] {
            let stored = send_on(&producer, way, &message, &stream.subject).await;
            stored.expect("stored");
            let arrived = JetStream::headers(&stream.receive().await);
            assert!(arrived.contains(&("order".to_owned(), "7".to_owned())));
            let kept = related(arrived, "Nats-Expected-Stream");
            assert_eq!(kept.len(), expected, "{way}, {room}");
        }
    }
}

/// A router between two buckets takes the deletion along; a letter deletes nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(
    not(feature = "brokers"),
    ignore = "needs brokers: integration-tests/run"
)]
async fn a_deletion_stays_a_deletion_unless_it_is_put_aside() {
    use jetstream::kv::{Config, Operation};
    let (client, spans) = (JetStream::connect().await, Spans::new());
    let producer = client.injecting(&spans.instrumentation);
    let bucket = async || {
        let bucket = unique("bucket");
        let config = Config {
            bucket: bucket.clone(),
            ..Config::default()
        };
        let store = client.context.create_key_value(config).await;
        (bucket, store.expect("a bucket"))
    };
    let (name, from) = bucket().await;
    from.put("key", "7".into()).await.expect("put");
    from.delete("key").await.expect("deleted");
    let stream = client.context.get_stream(format!("KV_{name}")).await;
    let stream = stream.expect("the bucket's stream");
    let key = format!("$KV.{name}.key");
    let last = stream.get_last_raw_message_by_subject(&key);
    let last = last.await.expect("the deletion");
    let mut deletion = message(&[]);
    deletion.headers = Some(last.headers);
    deletion.payload = last.payload;
    for (way, expected) in [
        ("forward", Operation::Delete),
        ("republish", Operation::Delete),
        ("dead_letter", Operation::Put),
    ] {
        let (name, to) = bucket().await;
        let stored = send_on(&producer, way, &deletion, &format!("$KV.{name}.key")).await;
        stored.expect("stored");
        let entry = to.entry("key").await.expect("an answer").expect("an entry");
        assert_eq!(entry.operation, expected, "{way}");
    }
}

/// The first message of a stream to a new consumer, after `origin` was sent one.
async fn first_of(
    stream: &stream::Stream,
    config: pull::Config,
    origin: &JetStream,
) -> jetstream::Message {
    origin.send_plain(&[]).await;
    let consumer = stream.create_consumer(config).await.expect("a consumer");
    let mut messages = consumer.messages().await.expect("messages");
    let next = in_time("a message", messages.next()).await;
    next.expect("the consumer goes on").expect("a message")
}
