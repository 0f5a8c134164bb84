//! The table of headers in the adapter's README.

use super::{message, related, send_on};
use async_nats::jetstream::{self, ErrorCode};
use async_nats::{HeaderMap, Message};
use integration_tests::client::{Client, in_time, unique};
use integration_tests::nats::JetStream;
use integration_tests::relay_table::{Row, Way, rows};
use integration_tests::spans::Spans;
use integration_tests::version::Version;
use integration_tests::{apply, broker_test};
use otel_messaging_async_nats::InjectingProducer;

const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const README: &str = include_str!("../../../../crates/otel-messaging-async-nats/README.md");

/// What nats-server 2.15.2 names in its source, but for those between the parts of a cluster and of
/// its HTTP and WebSocket sides.
const OF_THE_SERVER: [&str; 55] = [
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
    "traceparent",
];

/// The headers of the README's table, each with its row.
fn table() -> Vec<(String, Row)> {
    let mut table = Vec::new();
    for row in rows(README, "header") {
        // What is no header: reply subjects and the status.
        if row.cell(Way::DeadLetter) == "removed" {
            continue;
        }
        for name in &row.names {
            let name = match &**name {
                "all others" => "Order".to_owned(),
                name => name.replace('…', "Unheard-Of"),
            };
            table.push((name, row.clone()));
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
        "traceparent" => TRACEPARENT.to_owned(),
        _ => "17".to_owned(),
    }
}

/// The same, by core NATS.
async fn send_on_by_core(
    producer: &InjectingProducer<async_nats::Client>,
    way: Way,
    message: &Message,
    subject: &str,
) {
    let subject = subject.to_owned();
    let sent = match way {
        Way::Forward => producer.forward(message, subject).await,
        Way::Republish => producer.republish(message, subject).await,
        Way::DeadLetter => producer.dead_letter(message, &"no", subject).await,
    };
    sent.expect("the client takes the message");
}

/// Each message is stored, whatever header it came with, and the header is what the table says.
#[apply(broker_test)]
async fn the_table_of_headers_is_true() {
    let (mut stream, spans) = (JetStream::connect().await, Spans::new());
    let by = spans.instrumentation.clone();
    let producer = stream.injecting(&by);
    let core = InjectingProducer::new(stream.context.client()).with_instrumentation(by);
    let mut sequence = 0;
    for (name, row) in table() {
        for way in Way::ALL {
            let prefix = match row.cell(way) {
                "kept" => "",
                "renamed" => way.prefix(),
                // The context, of which other tests are.
                "replaced" if name == "traceparent" => continue,
                fate => panic!("{name}, {way:?}: {fate}"),
            };
            for by_core in [false, true] {
                eprintln!("{way:?} {name}, by core NATS: {by_core}");
                let value = value(&name);
                let mut headers = vec![("traceparent", TRACEPARENT)];
                headers.retain(|(header, _)| *header != name);
                headers.push((&name, &value));
                let message = message(&headers);
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
#[apply(broker_test)]
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
