//! Kafka.

use crate::victim::{OTHER, TRACEPARENT, Trace, assert_goes_on, assert_handled, sent_on, survives};
use integration_tests::client::{Client, PATIENCE, address, in_time};
use integration_tests::kafka::Kafka;
use integration_tests::spans::Spans;
use integration_tests::wire::kafka::{Header, Leader, batch};
use integration_tests::{apply, broker_test};
use opentelemetry::trace::TraceContextExt;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, ResourceSpecifier};
use rdkafka::client::DefaultClientContext;
use rdkafka::message::{Headers, Message};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

/// What it is, the headers, and in which trace its record has to be handled.
type Case = (&'static str, Vec<Header>, Trace);

/// The broker's word for a record that is too large.
const MESSAGE_TOO_LARGE: i16 = 10;

/// With one more, librdkafka shows none of a record's headers.
const MOST_HEADERS: usize = 100_000;

#[apply(broker_test)]
async fn any_headers_are_survived() {
    let mut client = Kafka::connect().await;
    let mut attacker = Leader::of(client.topic()).await;
    for (name, headers, expected) in contexts() {
        eprintln!("{name}");
        assert_eq!(attacker.produce(&headers).await, 0);
        survives(&mut client, expected).await;
    }
}

/// To the last byte that the broker takes.
#[apply(broker_test)]
async fn the_largest_headers_are_survived() {
    let mut client = Kafka::connect().await;
    let mut attacker = Leader::of(client.topic()).await;
    let most = max_message_bytes(&client.topic().name).await;
    for (name, headers, expected) in sizes(most) {
        eprintln!("{name}");
        assert_eq!(attacker.produce(&headers).await, 0);
        let message = survives(&mut client, expected).await;
        let shown = message.headers().map(Headers::count);
        let count = headers.len();
        assert_eq!(shown, (count <= MOST_HEADERS).then_some(count));
    }
    let mut larger = filled(most, "x", b"", b"x", &[]);
    larger[0].1.as_mut().expect("a value").push(b'x');
    assert_eq!(attacker.produce(&larger).await, MESSAGE_TOO_LARGE);
    assert_goes_on(&mut client).await;
}

/// A name that is not UTF-8, on which rdkafka's own reading panics. It is handled as it is polled
/// and when it is detached, and sent on with what surrounds it.
#[apply(broker_test)]
async fn a_name_that_is_not_utf8_is_survived_and_sent_on() {
    let mut client = Kafka::connect().await;
    let mut attacker = Leader::of(client.topic()).await;
    let hostile = [
        header("\u{fffd}", None),
        (b"\xff\xfe".to_vec(), Some(b"\xff\0\r\n".to_vec())),
        good("Traceparent"),
        header("order", Some(b"7")),
        header("traceparent", None),
        header("order", None),
        (b"traceparent\0x".to_vec(), Some(b"\xff".to_vec())),
        header("", Some(b"")),
        header("tracestate", Some(b"a=1")),
        header("order", Some(b"7")),
    ];
    assert_eq!(attacker.produce(&hostile).await, 0);

    let spans = Spans::new();
    let message = {
        let polled = in_time("a message", client.topic().consumer.recv()).await;
        let polled = polled.expect("a message");
        let headers = polled.headers().expect("headers");
        assert_eq!(headers.count(), hostile.len());
        assert!(catch_unwind(AssertUnwindSafe(|| headers.get(1).key.len())).is_err());
        let handled = spans
            .instrumentation
            .with_message_context(&polled, |_| async {
                let context = opentelemetry::Context::current();
                context.span().span_context().trace_id()
            });
        let trace_id = handled.await;
        assert_eq!(TRACEPARENT[3..35], format!("{trace_id:032x}"));
        polled.detach()
    };
    assert_handled(&client, &message, Trace::Of(TRACEPARENT)).await;

    let (next, traceparent) = sent_on(&mut client, &message).await;
    let expected = [
        header("\u{fffd}", None),
        (b"\xff\xfe".to_vec(), Some(b"\xff\0\r\n".to_vec())),
        header("order", Some(b"7")),
        header("order", None),
        header("", Some(b"")),
        header("order", Some(b"7")),
        header("traceparent", Some(traceparent.as_bytes())),
        header("tracestate", Some(b"a=1")),
    ];
    // What is in the log is what other programs see.
    assert_eq!(attacker.fetch(next.offset()).await, expected);
    assert_goes_on(&mut client).await;
}

/// A relay replaces as many duplicates as fit in one record, and does not take long over it.
#[apply(broker_test)]
async fn any_number_of_duplicates_is_replaced() {
    let mut client = Kafka::connect().await;
    let mut attacker = Leader::of(client.topic()).await;
    let most = max_message_bytes(&client.topic().name).await;
    // 13 bytes for a duplicate, and 2 for each of those behind it.
    let duplicates = MOST_HEADERS / 2;
    assert!(duplicates * (13 + 2) < most);
    let mut headers = vec![header("traceparent", None); duplicates];
    headers.resize(MOST_HEADERS, header("", None));
    assert_eq!(attacker.produce(&headers).await, 0);
    let message = survives(&mut client, Trace::New).await;
    let started = Instant::now();
    let (next, traceparent) = sent_on(&mut client, &message).await;
    let took = started.elapsed();
    let headers = next.headers().expect("headers");
    assert_eq!(headers.count(), MOST_HEADERS - duplicates + 1);
    let last = headers.get(headers.count() - 1);
    assert_eq!(last.key, "traceparent");
    assert_eq!(last.value, Some(traceparent.as_bytes()));
    assert!(took.as_secs() < 5, "{took:?}");
    assert_goes_on(&mut client).await;
}

fn header(name: &str, value: Option<&[u8]>) -> Header {
    (name.as_bytes().to_vec(), value.map(<[u8]>::to_vec))
}

fn good(name: &str) -> Header {
    header(name, Some(TRACEPARENT.as_bytes()))
}

fn contexts() -> Vec<Case> {
    let good = good("traceparent");
    let joined = Trace::Of(TRACEPARENT);
    let other = |name: &str| header(name, Some(OTHER.as_bytes()));
    let bad = |value: &[u8]| header("traceparent", Some(value));
    let behind = |end: &str| bad(format!("{TRACEPARENT}{end}").as_bytes());
    let broken = |name: &str| header(name, Some(b"a=1\r\nx: y\0z\xff"));
    let lines = |name: &str| header(name, Some(b"a=1\r\nx: y"));
    let not_utf8 = (b"\xff\xfe".to_vec(), Some(b"1".to_vec()));
    let mut many: Vec<_> = (0..20_000)
        .map(|number| header(&format!("x-{number}"), Some(b"1")))
        .collect();
    many.insert(10_000, good.clone());
    let mut repeated = vec![other("traceparent"); 10_000];
    repeated.push(good.clone());
    let quoted = format!("\"{TRACEPARENT}\"");
    let list = |list: &[&Header]| list.iter().map(|header| (*header).clone()).collect();
    vec![
        ("none at all", Vec::new(), Trace::New),
        ("a good one", vec![good.clone()], joined),
        ("a name that is not UTF-8", vec![not_utf8], Trace::New),
        (
            "a null value",
            vec![header("traceparent", None)],
            Trace::New,
        ),
        ("an empty value", vec![bad(b"")], Trace::New),
        // The newest text counts.
        (
            "a null value behind",
            list(&[&good, &header("traceparent", None)]),
            joined,
        ),
        ("bytes behind", list(&[&good, &bad(b"\xff")]), joined),
        ("an empty value behind", list(&[&good, &bad(b"")]), joined),
        (
            "a malformed one behind",
            list(&[&good, &bad(b"00-")]),
            joined,
        ),
        (
            "an older one",
            list(&[&other("traceparent"), &good]),
            joined,
        ),
        (
            "an older spelling",
            list(&[&other("Traceparent"), &good]),
            joined,
        ),
        (
            "a newer spelling",
            list(&[&good, &other("TRACEPARENT")]),
            joined,
        ),
        // To librdkafka the name ends there.
        (
            "NUL in the name",
            list(&[&good, &other("traceparent\0x")]),
            Trace::Of(OTHER),
        ),
        (
            "an empty name",
            list(&[&header("", None), &header("", Some(b"")), &good]),
            joined,
        ),
        // As older versions of Spring write each header.
        ("quotes of JSON", vec![bad(quoted.as_bytes())], joined),
        ("a quote", vec![bad(&quoted.as_bytes()[1..])], Trace::New),
        ("nothing but quotes", vec![bad(b"\"\"")], Trace::New),
        ("CR LF", vec![behind("\r\n")], Trace::New),
        ("LF", vec![behind("\n")], Trace::New),
        ("NUL", vec![behind("\0")], Trace::New),
        (
            "null neighbours",
            list(&[&good, &header("tracestate", None), &header("baggage", None)]),
            joined,
        ),
        (
            "broken neighbours",
            list(&[&broken("tracestate"), &broken("baggage"), &good]),
            joined,
        ),
        (
            "lines in neighbours",
            list(&[&lines("tracestate"), &lines("baggage"), &good]),
            joined,
        ),
        ("20,000 names", many, joined),
        ("10,000 older ones", repeated, joined),
    ]
}

/// As much as gets into one record.
fn sizes(most: usize) -> Vec<Case> {
    let good = [good("traceparent")];
    let joined = Trace::Of(TRACEPARENT);
    let mut many = vec![header("", None); MOST_HEADERS];
    let too_many = [&many[..], &good].concat();
    many[MOST_HEADERS / 2] = good[0].clone();
    let name = "n".repeat(
        filled(most, "x", b"", b"x", &good)[0]
            .1
            .as_ref()
            .map_or(0, Vec::len),
    );
    vec![
        (
            "the largest value",
            filled(most, "x", b"", b"x", &good),
            joined,
        ),
        (
            "the largest name",
            vec![header(&name, None), good[0].clone()],
            joined,
        ),
        ("the most headers", many, joined),
        ("more than librdkafka shows", too_many, Trace::New),
        (
            "the largest traceparent",
            filled(most, "traceparent", b"00-", b"0", &[]),
            Trace::New,
        ),
        (
            "the longest run of dashes",
            filled(most, "traceparent", b"", b"-", &[]),
            Trace::New,
        ),
        (
            "the largest tracestate",
            filled(most, "tracestate", b"a=1", b",a=1", &good),
            joined,
        ),
        (
            "the largest baggage",
            filled(most, "baggage", b"a=1", b",a=1", &good),
            joined,
        ),
    ]
}

/// One header whose value repeats `part` until the batch has `most` bytes, and some beside it.
fn filled(most: usize, name: &str, start: &[u8], part: &[u8], beside: &[Header]) -> Vec<Header> {
    let with = |size: usize| {
        let value = start.iter().chain(part.iter().cycle()).take(size).copied();
        let mut headers = vec![(name.as_bytes().to_vec(), Some(value.collect()))];
        headers.extend_from_slice(beside);
        headers
    };
    // The sizes in front grow with the value.
    let mut size = most - batch(&with(0)).len();
    while batch(&with(size)).len() > most {
        size -= 1;
    }
    let headers = with(size);
    assert_eq!(batch(&headers).len(), most);
    headers
}

async fn max_message_bytes(topic: &str) -> usize {
    let admin: AdminClient<DefaultClientContext> = ClientConfig::new()
        .set("bootstrap.servers", address("KAFKA_BROKERS"))
        .create()
        .expect("an admin client");
    let options = AdminOptions::new().request_timeout(Some(PATIENCE));
    let topic = ResourceSpecifier::Topic(topic);
    let described = admin.describe_configs([&topic], &options).await;
    let described = described.expect("an answer").remove(0).expect("a topic");
    let most = described.get("max.message.bytes").expect("a setting");
    let most = most.value.as_ref().expect("a value");
    most.parse().expect("a number")
}
