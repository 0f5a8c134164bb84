use super::*;
use crate::headers::Kafka;
use crate::producer::{DEAD_LETTER_SOURCE, DEAD_LETTER_TRACEPARENT};
use crate::record::{Described, Record};
use otel_messaging::Instrumentation;
use otel_messaging::loss::dropped_fields;
use otel_messaging::producer::ProducerInfo;
use rdkafka::Message;
use rdkafka::message::{OwnedMessage, Timestamp};

/// Forwards, republishes and puts aside.
fn each_relay(mut work: impl FnMut(Relay<'_>)) {
    let letter = DeadLetter::new(Destination::named("orders"), &"no such article");
    for relay in [Relay::Forward, Relay::Republish, Relay::DeadLetter(&letter)] {
        work(relay);
    }
}

type Headers<'a> = &'a [native::RawHeader<'a>];

fn message(timestamp: Timestamp, headers: Headers<'_>) -> OwnedMessage {
    let mut carried = OwnedHeaders::new();
    for header in headers {
        assert!(native::add(&mut carried, *header));
    }
    let (payload, topic) = (Some(b"order".to_vec()), "orders".to_owned());
    OwnedMessage::new(payload, None, topic, timestamp, 0, 7, Some(carried))
}

fn assert_headers(
    message: &OwnedMessage,
    relay: Relay<'_>,
    room: Option<usize>,
    expected: Headers<'_>,
) {
    let found = headers(message, relay, room).expect("headers");
    let found: Vec<_> = native::all(found.as_borrowed()).collect();
    assert_eq!(found, expected);
}

/// What each row does stands there, and is tried on a broker by the integration tests.
#[test]
fn every_header_has_a_row_in_the_readme() {
    let readme = include_str!("../../README.md");
    for (name, meaning) in MEANINGS {
        let forward = match Relay::Forward.renames(meaning) {
            true => "renamed",
            false => "kept",
        };
        let cell = format!("`{name}`");
        let mut rows = readme.lines().filter(|line| line.starts_with("| `"));
        let row = rows.find(|row| row.split(" | ").next().unwrap_or("").contains(&cell));
        let row = row.unwrap_or_else(|| panic!("{name} has no row"));
        let end = format!("| {forward} | renamed | renamed |");
        assert!(row.ends_with(&end), "{name}");
    }
}

/// Names and values keep their bytes and their order; a name that is taken stays.
#[test]
fn only_names_change() {
    let given: Headers<'_> = &[
        (b"\xff", Some(b"\0")),
        (b"__replicator_id", Some(b"\xff")),
        (b"order", None),
        (b"__replicator_id", None),
        (b"Retry_Topic-Attempts", Some(b"4")),
        (b"dead-letter-__replicator_id", Some(b"old")),
    ];
    let message = message(Timestamp::NotAvailable, given);
    let renamed: Headers<'_> = &[
        given[0],
        (b"received-__replicator_id", Some(b"\xff")),
        given[2],
        (b"received-__replicator_id", None),
        given[4],
        given[5],
    ];
    let taken = [given[0], given[2], given[4], given[5]];
    each_relay(|relay| {
        let expected = match relay {
            Relay::Forward | Relay::Republish => renamed,
            Relay::DeadLetter(_) => &taken,
        };
        assert_headers(&message, relay, Some(9999), expected);
        assert_headers(&message, relay, None, expected);
    });
}

#[test]
fn what_has_no_room_under_a_longer_name_is_left_out_and_counted() {
    let given: Headers<'_> = &[(b"__replicator_id", Some(b"1")), (b"order", Some(b"7"))];
    let message = message(Timestamp::CreateTime(1_000_000_000_000), given);
    let given_headers = message.headers().expect("headers");
    let size = (0..).find(|room| given_headers.left_of(*room).is_some());
    each_relay(|relay| {
        let left_out = match relay {
            Relay::Forward | Relay::DeadLetter(_) => 1,
            Relay::Republish => 2,
        };
        let dropped = dropped_fields();
        assert_headers(&message, relay, size, &given[1..]);
        assert!(dropped_fields() >= dropped + left_out);
    });
}

/// What reads as absent hides neither where a message comes from nor its trace.
#[test]
fn a_source_that_is_no_text_is_replaced() {
    let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    for said in [None, Some(&b"\xff"[..])] {
        let mut headers = OwnedHeaders::new();
        for header in [
            (&b"traceparent"[..], Some(traceparent.as_bytes())),
            (b"Dead-Letter-Source", said),
        ] {
            assert!(native::add(&mut headers, header));
        }
        let letter = DeadLetter::new(Destination::named("orders"), &"no such article");
        let (relay, room) = (Relay::DeadLetter(&letter), Some(9999));
        let record = Described {
            record: Record::new::<str, str>("letters", None, None, None),
            headers: None,
            info: &ProducerInfo::new(),
        };
        let by = Instrumentation::default();
        drop(by.relay::<Kafka, _, _>(
            relay,
            Destination::unknown(),
            "send",
            &record,
            &mut headers,
            room,
        ));
        let all: Vec<_> = headers.get_all(DEAD_LETTER_SOURCE).collect();
        assert_eq!(all, ["orders"]);
        let origin = Carrier::get(&headers, DEAD_LETTER_TRACEPARENT);
        assert_eq!(origin, Some(traceparent));
    }
}

/// Whatever the room: what is content stays with its bytes, and the rest is counted.
#[test]
fn a_bare_message_has_what_gets_no_other_name() {
    let given: Headers<'_> = &[
        (b"\xff", Some(b"\0")),
        (b"__replicator_id", Some(b"1")),
        (b"retry_topic-attempts", Some(b"4")),
        (b"order", None),
    ];
    let message = message(Timestamp::CreateTime(1_000_000_000_000), given);
    each_relay(|relay| {
        let (headers, left_out) = without_renamed(&message, relay);
        let found: Vec<_> = native::all(headers.as_borrowed()).collect();
        match relay {
            Relay::Forward => {
                assert_eq!((found, left_out), (vec![given[0], given[2], given[3]], 1));
            }
            Relay::Republish | Relay::DeadLetter(_) => {
                assert_eq!((found, left_out), (vec![given[0], given[3]], 2));
            }
        }
    });
}
