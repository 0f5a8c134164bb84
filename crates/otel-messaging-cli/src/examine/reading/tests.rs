use super::*;
use crate::message::{Origin, Place};
use std::iter;

const ONE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const TWO: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// As the carriers read them whose protocols have an order, and the others.
fn message<'m>(system: System, headers: &'m [(&'m str, Value<'m>)]) -> Message<'m> {
    let texts = || {
        headers.iter().filter_map(|(name, value)| match value {
            Value::Text(text) => Some((*name, *text)),
            Value::Bytes(bytes) => Some((*name, str::from_utf8(bytes).ok()?)),
            _ => None,
        })
    };
    let named = |wanted: &'static str| {
        let named = texts().filter(move |(name, _)| name.eq_ignore_ascii_case(wanted));
        named.map(|(_, text)| text).collect::<Vec<_>>()
    };
    Message {
        destination: "orders",
        origin: Origin::Subject,
        place: Place::Nth(1),
        headers: headers
            .iter()
            .map(|(name, value)| Header {
                name: name.as_bytes(),
                value: *value,
            })
            .collect(),
        contexts: match system {
            System::Kafka => Contexts::newest(texts()),
            System::RabbitMq | System::Nats => {
                Contexts::unordered(named("traceparent"), named("tracestate"), named("baggage"))
            }
        },
        id: None,
        content_type: None,
        payload: b"",
    }
}

fn shown(system: System, headers: &[(&str, Value<'_>)]) -> (Health, Vec<Symptom>) {
    let reading = read(&message(system, headers), system);
    let symptoms = reading.symptoms.iter().map(|(symptom, _)| symptom);
    (reading.health, symptoms.collect())
}

/// The headers of a message, and what they show.
type Case<'c> = (System, &'c [(&'c str, Value<'c>)], Health, &'c [Symptom]);

#[test]
fn each_kind_of_message_is_told() {
    use Health::*;
    use Symptom as S;
    use Value::{Bytes, Null, Other, Text};
    let (kafka, rabbitmq, nats) = (System::Kafka, System::RabbitMq, System::Nats);
    let unsampled = ONE.replace("-01", "-00");
    let random = ONE.replace("-01", "-03");
    let quoted = format!("\"{ONE}\"");
    let upper = ONE.to_uppercase();
    let spaced = format!(" {ONE}");
    let cases: [Case<'_>; 35] = [
        (
            kafka,
            &[("traceparent", Text(&spaced))],
            Valid,
            &[S::Spaces],
        ),
        (
            kafka,
            &[("Traceparent", Text(ONE)), ("traceparent", Text(ONE))],
            Valid,
            &[S::BothSpellings],
        ),
        (
            kafka,
            &[("traceparent", Text(ONE)), ("Baggage", Text("a=1"))],
            Valid,
            &[S::Spelling, S::Baggage],
        ),
        (
            kafka,
            &[("traceparent", Text(ONE)), ("baggage", Bytes(b"\xff"))],
            Valid,
            &[S::NotText],
        ),
        (
            rabbitmq,
            &[("traceparent", Text(ONE)), ("tracestate", Bytes(b"a=1"))],
            Valid,
            &[S::Binary],
        ),
        (kafka, &[("traceparent", Text(ONE))], Valid, &[]),
        (
            kafka,
            &[("traceparent", Text(&unsampled))],
            Valid,
            &[S::Unsampled],
        ),
        (
            kafka,
            &[("traceparent", Text(&random))],
            Valid,
            &[S::Flags03],
        ),
        (kafka, &[], Missing, &[S::Missing]),
        (kafka, &[("order", Text("7"))], Missing, &[S::Missing]),
        (kafka, &[("traceparent", Text(""))], Missing, &[S::Missing]),
        (
            kafka,
            &[("baggage", Text("a=1"))],
            Missing,
            &[S::Missing, S::Orphaned, S::Baggage],
        ),
        (
            kafka,
            &[("traceparent", Text("00-1-2-01"))],
            Malformed,
            &[S::Malformed],
        ),
        (
            kafka,
            &[("traceparent", Text(&upper))],
            Malformed,
            &[S::Malformed],
        ),
        (
            kafka,
            &[("traceparent", Bytes(b"\xff"))],
            Malformed,
            &[S::NotText],
        ),
        (kafka, &[("traceparent", Null)], Malformed, &[S::NotText]),
        (
            rabbitmq,
            &[("traceparent", Other("table"))],
            Malformed,
            &[S::NotText],
        ),
        (
            rabbitmq,
            &[("traceparent", Bytes(ONE.as_bytes()))],
            Valid,
            &[S::Binary],
        ),
        (
            rabbitmq,
            &[("Traceparent", Text(ONE))],
            Valid,
            &[S::Spelling],
        ),
        (nats, &[("Traceparent", Text(ONE))], Valid, &[S::Spelling]),
        (
            nats,
            &[("traceparent", Text(ONE)), ("Traceparent", Text(ONE))],
            Valid,
            &[S::BothSpellings],
        ),
        (
            nats,
            &[("Traceparent", Text(ONE)), ("traceparent", Text(ONE))],
            Valid,
            &[S::BothSpellings],
        ),
        (
            nats,
            &[("traceparent", Text(ONE)), ("traceparent", Text(ONE))],
            Valid,
            &[S::Repeated],
        ),
        (
            nats,
            &[("Xraceparent", Text(ONE))],
            Malformed,
            &[S::Rewritten],
        ),
        (
            nats,
            &[("traceparent", Text(ONE)), ("traceparent", Text(TWO))],
            Contradicting,
            &[S::Contradicting],
        ),
        (
            nats,
            &[("traceparent", Text(ONE)), ("Traceparent", Text(TWO))],
            Contradicting,
            &[S::Contradicting],
        ),
        // The carrier takes the last one; other readers take the first.
        (
            kafka,
            &[("traceparent", Text(ONE)), ("traceparent", Text(TWO))],
            Contradicting,
            &[S::Contradicting],
        ),
        (
            kafka,
            &[("traceparent", Text(ONE)), ("traceparent", Text(ONE))],
            Valid,
            &[S::Repeated],
        ),
        (
            kafka,
            &[("traceparent", Text("?")), ("traceparent", Text(ONE))],
            Valid,
            &[S::MalformedToo],
        ),
        (kafka, &[("b3", Text("0"))], Foreign, &[S::OtherFormat]),
        (
            kafka,
            &[
                ("traceparent", Text(ONE)),
                (
                    "uber-trace-id",
                    Text("0af7651916cd43dd8448eb211c80319c:b7ad6b7169203331:0:1"),
                ),
            ],
            Valid,
            &[S::OtherFormatToo],
        ),
        (
            kafka,
            &[
                ("traceparent", Text(ONE)),
                (
                    "uber-trace-id",
                    Text("4bf92f3577b34da6a3ce929d0e0e4736:00f067aa0ba902b7:0:1"),
                ),
            ],
            Valid,
            &[S::FormatsDiffer, S::OtherFormatToo],
        ),
        (
            kafka,
            &[("traceparent", Text(&quoted))],
            Malformed,
            &[S::Quoted],
        ),
        (
            kafka,
            &[
                ("traceparent", Text(ONE)),
                ("tracestate", Text("")),
                ("baggage", Text("a")),
            ],
            Valid,
            &[S::EmptyTracestate, S::MalformedBaggage],
        ),
        (
            kafka,
            &[("traceparent", Text(ONE)), ("tracestate", Text("A=1"))],
            Valid,
            &[S::MalformedTracestate],
        ),
    ];
    for (system, headers, health, symptoms) in cases {
        let expected = (health, symptoms.to_vec());
        assert_eq!(shown(system, headers), expected, "{system} {headers:?}");
    }
}

#[test]
fn an_event_in_structured_mode_is_another_format() {
    let mut message = message(System::Kafka, &[]);
    message.payload = br#"{"specversion":"1.0","traceparent":"00-1-2-01"}"#;
    assert_eq!(read(&message, System::Kafka).health, Health::Missing);
    message.content_type = Some("application/cloudevents+json; charset=UTF-8");
    assert_eq!(read(&message, System::Kafka).health, Health::Foreign);
    message.payload = b"{}";
    assert_eq!(read(&message, System::Kafka).health, Health::Missing);
}

#[test]
fn the_bytes_are_those_of_the_three_fields() {
    let large = "x".repeat(LARGE);
    let large = format!("a={large}");
    let headers = [
        ("traceparent", Value::Text(ONE)),
        ("order", Value::Text("7")),
        ("baggage", Value::Text(&large)),
    ];
    let reading = read(&message(System::Kafka, &headers), System::Kafka);
    assert_eq!(reading.bytes, 11 + 55 + 7 + LARGE + 2);
    assert!(reading.symptoms.has(Symptom::Large));
    assert_eq!(reading.baggage.len(), 1);
}

#[test]
fn a_flood_of_headers_is_read_in_time() {
    let values: Vec<String> = (0..100_000)
        .map(|n| format!("00-0af7651916cd43dd8448eb211c80319c-{:016x}-01", n + 1))
        .collect();
    let headers = values.iter().map(|value| Value::Text(value));
    let headers: Vec<_> = iter::repeat("traceparent").zip(headers).collect();
    let began = std::time::Instant::now();
    let (health, _) = shown(System::Nats, &headers);
    assert_eq!(health, Health::Contradicting);
    assert!(began.elapsed().as_secs() < 10, "{:?}", began.elapsed());
}
