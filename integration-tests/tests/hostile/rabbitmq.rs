//! RabbitMQ.

use crate::victim::{OTHER, TRACEPARENT, Trace, assert_goes_on, sent_on, survives};
use bytes::BufMut;
use integration_tests::client::{Client, in_time};
use integration_tests::onward::SendsOn;
use integration_tests::rabbitmq::RabbitMq;
use integration_tests::spans::Spans;
use integration_tests::version::Version;
use integration_tests::wire::rabbitmq::{Connection, entry, nested_tables, sized, text};
use integration_tests::{apply, broker_test};
use lapin::types::AMQPValue;

/// What it is, the entries of the table, and in which trace its message has to be handled.
type Case = (&'static str, Vec<u8>, Trace);

/// Where tests are built without optimisation, lapin's stack takes less than 200 tables;
/// `rabbitmq_deaths.rs` has 500 and more.
const DEEP: usize = if cfg!(debug_assertions) { 100 } else { 500 };

/// Every table is one that lapin reads.
#[apply(broker_test)]
async fn any_table_is_survived() {
    let (mut client, mut attacker) = (RabbitMq::connect().await, Connection::open().await);
    let kept = kept_of_a_name_twice(Version::of_rabbitmq().await);
    let cases = [contexts(kept), types(), sizes(attacker.room())];
    for (name, headers, expected) in cases.into_iter().flatten() {
        eprintln!("{name}");
        attacker.publish(client.queue.as_str(), &headers).await;
        survives(&mut client, expected).await;
    }
}

/// A relay replaces every spelling of every type, and keeps the rest.
#[apply(broker_test)]
async fn a_hostile_message_is_sent_on_with_one_context() {
    let (mut client, mut attacker) = (RabbitMq::connect().await, Connection::open().await);
    let headers = [
        nested_tables(b"TraceParent", DEEP),
        entry(b"Traceparent", b'x', &sized(b"\xff")),
        entry(b"traceparent", b'V', b""),
        entry(b"baggage", b't', &[1]),
        nested_tables(b"order", DEEP),
        text(b"line", b"a\r\nb\0\xff"),
    ];
    let queue = client.queue.to_string();
    attacker.publish(&queue, &headers.concat()).await;
    let message = survives(&mut client, Trace::New).await;
    let given = message.properties.headers().clone().expect("headers");
    let (next, traceparent) = sent_on(&mut client, &message).await;
    let next = next.properties.headers().clone().expect("headers");
    let mut names: Vec<_> = next.inner().keys().map(|name| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["line", "order", "traceparent"]);
    for name in ["line", "order"] {
        assert_eq!(next.inner().get(name), given.inner().get(name));
    }
    let written = next.inner().get("traceparent");
    assert_eq!(written, Some(&AMQPValue::LongString(traceparent.into())));
    assert_goes_on(&mut client).await;
}

/// A sender by AMQP 1.0: the broker hands its context on inside one header. A relay takes it out there.
#[apply(broker_test)]
async fn the_context_of_a_sender_by_amqp_1_0_is_replaced() {
    let (mut client, mut attacker) = (RabbitMq::connect().await, Connection::open().await);
    let queue = client.queue.to_string();
    attacker.publish(&queue, &app_properties(TRACEPARENT)).await;
    let message = survives(&mut client, Trace::Of(TRACEPARENT)).await;
    let (next, traceparent) = sent_on(&mut client, &message).await;
    let headers = next.properties.headers().clone().expect("headers");
    let written = headers.inner().get("traceparent");
    assert_eq!(written, Some(&AMQPValue::LongString(traceparent.into())));
    let rest = &b"\x00\x53\x74\xd1\x00\x00\x00\x09\x00\x00\x00\x02\xa1\x01n\x55\x07"[..];
    let rest = AMQPValue::LongString(rest.to_vec().into());
    assert_eq!(
        headers.inner().get("x-amqp-1.0-app-properties"),
        Some(&rest)
    );
    assert_goes_on(&mut client).await;
}

/// A context as bytes, which readers in Go and JavaScript do not take, is forwarded as text.
#[apply(broker_test)]
async fn a_context_of_bytes_is_forwarded_as_text() {
    let (mut client, mut attacker) = (RabbitMq::connect().await, Connection::open().await);
    let headers = [
        entry(b"traceparent", b'x', &sized(TRACEPARENT.as_bytes())),
        entry(b"order", b'x', &sized(b"7")),
    ];
    let queue = client.queue.to_string();
    attacker.publish(&queue, &headers.concat()).await;
    let message = survives(&mut client, Trace::Of(TRACEPARENT)).await;
    let spans = Spans::new();
    let forwarded = client.forward(&spans.instrumentation, &message);
    let forwarded = in_time("forward", forwarded).await;
    forwarded.expect("the broker takes the message");
    let next = client.receive().await;
    let headers = next.properties.headers().clone().expect("headers");
    let text = AMQPValue::LongString(TRACEPARENT.into());
    assert_eq!(headers.inner().get("traceparent"), Some(&text));
    let bytes = AMQPValue::ByteArray(b"7".as_slice().into());
    assert_eq!(headers.inner().get("order"), Some(&bytes));
}

/// The header that RabbitMQ up to 3.12 makes of the application properties `traceparent` and `n`.
fn app_properties(traceparent: &str) -> Vec<u8> {
    let size = u8::try_from(1 + 13 + 2 + traceparent.len() + 5).expect("a short one");
    let section = [
        &[0x00, 0x53, 0x74, 0xc1, size, 4][..],
        b"\xa1\x0btraceparent\xa1",
        &[u8::try_from(traceparent.len()).expect("a short one")],
        traceparent.as_bytes(),
        b"\xa1\x01n\x55\x07",
    ];
    text(b"x-amqp-1.0-app-properties", &section.concat())
}

fn good(name: &str) -> Vec<u8> {
    text(name.as_bytes(), TRACEPARENT.as_bytes())
}

/// Which of the two values of one name a consumer finds.
///
/// RabbitMQ 3.10 passes both on, and lapin's table, which has each name once, keeps the last.
/// RabbitMQ 4 sorts the names and passes on the first of those that are equal.
fn kept_of_a_name_twice(server: Version) -> &'static str {
    if server < Version(4, 0) {
        OTHER
    } else {
        TRACEPARENT
    }
}

fn contexts(kept_of_a_name_twice: &'static str) -> Vec<Case> {
    let good = good("traceparent");
    let other = |name: &str| text(name.as_bytes(), OTHER.as_bytes());
    let bytes = entry(b"traceparent", b'x', &sized(TRACEPARENT.as_bytes()));
    let random = TRACEPARENT.replace("-01", "-03").into_bytes();
    let broken = |name: &[u8]| text(name, b"a=1\r\nx: y\0z\xff");
    let around = |before: &str, after: &str| {
        text(
            b"traceparent",
            format!("{before}{TRACEPARENT}{after}").as_bytes(),
        )
    };
    vec![
        ("a good one", good.clone(), Trace::Of(TRACEPARENT)),
        ("bytes", bytes.clone(), Trace::Of(TRACEPARENT)),
        (
            "spellings that agree",
            [bytes, self::good("TRACEPARENT")].concat(),
            Trace::Of(TRACEPARENT),
        ),
        (
            "spellings that differ",
            [good.clone(), other("Traceparent")].concat(),
            Trace::Of(TRACEPARENT),
        ),
        (
            "spellings that differ, none of them exact",
            [self::good("TRACEPARENT"), other("Traceparent")].concat(),
            Trace::LinkedTo(&[TRACEPARENT, OTHER]),
        ),
        (
            "differing flags, none of them in the exact spelling",
            [self::good("TRACEPARENT"), text(b"Traceparent", &random)].concat(),
            Trace::Of(TRACEPARENT),
        ),
        (
            "a spelling of a malformed one",
            [self::good("Traceparent"), text(b"traceparent", b"00-")].concat(),
            Trace::Of(TRACEPARENT),
        ),
        (
            "a spelling of a null",
            [good.clone(), entry(b"Traceparent", b'V', b"")].concat(),
            Trace::Of(TRACEPARENT),
        ),
        (
            "a spelling of an empty text",
            [good.clone(), text(b"Traceparent", b"")].concat(),
            Trace::Of(TRACEPARENT),
        ),
        (
            "a name twice",
            [good.clone(), other("traceparent")].concat(),
            Trace::Of(kept_of_a_name_twice),
        ),
        (
            "a sender by AMQP 1.0",
            app_properties(TRACEPARENT),
            Trace::Of(TRACEPARENT),
        ),
        (
            "an older sender by AMQP 1.0",
            [app_properties(OTHER), good.clone()].concat(),
            Trace::Of(TRACEPARENT),
        ),
        (
            "a malformed section of AMQP 1.0",
            text(b"x-amqp-1.0-app-properties", b"\0St\xd1\xff\xff\xff\xff\0"),
            Trace::New,
        ),
        ("CR LF behind", around("", "\r\n"), Trace::New),
        ("CR LF before", around("\r\n", ""), Trace::New),
        ("NUL behind", around("", "\0"), Trace::New),
        (
            "broken neighbours",
            [good.clone(), broken(b"tracestate"), broken(b"baggage")].concat(),
            Trace::Of(TRACEPARENT),
        ),
        (
            "an empty name",
            [good, text(b"", b"")].concat(),
            Trace::Of(TRACEPARENT),
        ),
    ]
}

/// Every type of a field, as the traceparent and beside one.
fn types() -> Vec<Case> {
    let seven = 7_u64.to_be_bytes();
    let values: [(u8, Vec<u8>); 16] = [
        (b't', vec![1]),
        (b'b', vec![7]),
        (b'B', vec![7]),
        (b's', seven[6..].to_vec()),
        (b'u', seven[6..].to_vec()),
        (b'I', seven[4..].to_vec()),
        (b'i', seven[4..].to_vec()),
        (b'l', seven.to_vec()),
        (b'f', 1.5_f32.to_be_bytes().to_vec()),
        (b'd', 1.5_f64.to_be_bytes().to_vec()),
        (b'D', [&[2][..], &seven[4..]].concat()),
        (b'A', sized(&entry(b"", b'V', b"")[1..])),
        (b'T', seven.to_vec()),
        (b'F', sized(&good("traceparent"))),
        (b'x', sized(b"\xff\0")),
        (b'V', Vec::new()),
    ];
    let alone = values
        .iter()
        .map(|(tag, value)| entry(b"traceparent", *tag, value));
    let mut cases: Vec<Case> = alone
        .map(|headers| ("another type", headers, Trace::New))
        .collect();
    let beside = values
        .iter()
        .map(|(tag, value)| entry(&[b'x', *tag], *tag, value));
    let beside: Vec<u8> = beside.flatten().chain(good("traceparent")).collect();
    cases.push(("all types beside", beside, Trace::Of(TRACEPARENT)));
    cases
}

/// As much as gets into the one frame that holds the headers.
fn sizes(room: usize) -> Vec<Case> {
    let good = good("traceparent");
    let joined = Trace::Of(TRACEPARENT);
    let beside = |headers: Vec<u8>| [&headers[..], &good].concat();
    let long_name = text("ü".repeat(127).as_bytes(), b"");
    let other_name = text(&[b'x'; 255], &[b'x'; 255]);
    let many: Vec<u8> = (0..8_000_u32)
        .flat_map(|number| {
            let mut name = Vec::new();
            name.put_u8(b'x');
            name.put_slice(number.to_string().as_bytes());
            entry(&name, b'V', b"")
        })
        .collect();
    let spellings: Vec<u8> = (0..2048_u32)
        .flat_map(|bits| {
            let name: String = "traceparent"
                .char_indices()
                .map(|(place, letter)| match bits >> place & 1 {
                    0 => letter,
                    _ => letter.to_ascii_uppercase(),
                })
                .collect();
            text(name.as_bytes(), b"0")
        })
        .collect();
    let fill = |name: &[u8], start: &[u8], part: &[u8], beside: &[u8]| {
        let size = room - beside.len() - text(name, b"").len() - start.len();
        let value = part.iter().cycle().take(size).copied();
        let value: Vec<u8> = start.iter().copied().chain(value).collect();
        [&text(name, &value)[..], beside].concat()
    };
    let arrays = (0..DEEP).fold(Vec::new(), |inner, _| {
        entry(b"", b'A', &sized(&inner))[1..].to_vec()
    });
    let arrays = [&b"\x01x"[..], &arrays].concat();
    vec![
        (
            "names of 254 and 255 bytes",
            beside([long_name, other_name].concat()),
            joined,
        ),
        (
            "tables nested deep",
            beside(nested_tables(b"x", DEEP)),
            joined,
        ),
        (
            "a traceparent nested deep",
            nested_tables(b"traceparent", DEEP),
            Trace::New,
        ),
        ("arrays nested deep", beside(arrays), joined),
        ("8,000 names", beside(many), joined),
        ("2,048 spellings that agree", spellings, Trace::New),
        ("the largest value", fill(b"x", b"", b"x", &good), joined),
        (
            "the largest traceparent",
            fill(b"traceparent", b"00-", b"0", b""),
            Trace::New,
        ),
        (
            "the largest tracestate",
            fill(b"tracestate", b"a=1", b",a=1", &good),
            joined,
        ),
        (
            "the largest baggage",
            fill(b"baggage", b"a=1", b",a=1", &good),
            joined,
        ),
    ]
}
