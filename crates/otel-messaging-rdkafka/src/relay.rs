//! What becomes of a message's parts when it is sent on. The README has the same as a table, with
//! the reasons.

use crate::headers::{Kafka, raw};
use crate::native;
use crate::onward::ReceivedRecord;
use crate::size;
use otel_messaging::{Carrier, CarrierError, CarrierMut, DeadLetter, count_dropped_fields};
use rdkafka::message::{BorrowedHeaders, OwnedHeaders};
use rdkafka::producer::BaseRecord;
use rdkafka::util::IntoOpaque;
use std::collections::HashSet;
use std::fmt;

/// The headers of a dead letter that say where the message stands at its source, and since when.
const DEAD_LETTER_PARTITION: &str = "dead-letter-partition";
const DEAD_LETTER_OFFSET: &str = "dead-letter-offset";
const DEAD_LETTER_TIMESTAMP: &str = "dead-letter-timestamp";
/// The timestamp of the message that was republished first, in milliseconds since 1970.
const RECEIVED_TIMESTAMP: &str = "received-timestamp";

/// How a received message is sent on.
#[derive(Clone, Copy)]
pub(crate) enum Way<'a> {
    Forward,
    Republish,
    DeadLetter(&'a dyn fmt::Display),
}

/// Headers with which a replicator marks what it has copied; it skips what has its mark. They go
/// along under other names.
const MARKS: [&str; 1] = ["__replicator_id"];
/// Spring's retry topics count attempts in these. They are renamed too, except by `forward`.
const RETRIES: [&str; 3] = [
    "retry_topic-attempts",
    "retry_topic-backoff-timestamp",
    "retry_topic-original-timestamp",
];

impl Way<'_> {
    fn renames(self, name: &[u8]) -> bool {
        let is_one_of = |names: &[&str]| names.iter().any(|other| other.as_bytes() == name);
        is_one_of(&MARKS) || (!matches!(self, Self::Forward) && is_one_of(&RETRIES))
    }

    /// What is put before a name.
    fn prefix(self) -> &'static str {
        match self {
            Self::Forward | Self::Republish => "received-",
            Self::DeadLetter(_) => "dead-letter-",
        }
    }
}

/// The timestamp with which a message goes on, if it is not the time of sending. librdkafka takes 0
/// for the time of sending; negative values are not timestamps.
pub(crate) fn timestamp(message: &impl ReceivedRecord, way: Way<'_>) -> Option<i64> {
    match way {
        Way::Forward => sent_at(message),
        Way::Republish | Way::DeadLetter(_) => None,
    }
}

fn sent_at(message: &impl ReceivedRecord) -> Option<i64> {
    let timestamp = message.timestamp().to_millis();
    timestamp.filter(|timestamp| *timestamp > 0)
}

/// The record with which a message is queued for another topic.
pub(crate) fn record<'a, M: ReceivedRecord, O: IntoOpaque>(
    message: &'a M,
    topic: &'a str,
    way: Way<'_>,
    headers: Option<OwnedHeaders>,
    delivery_opaque: O,
) -> BaseRecord<'a, [u8], [u8], O> {
    BaseRecord {
        topic,
        partition: None,
        payload: message.payload(),
        key: message.key(),
        timestamp: timestamp(message, way),
        headers,
        delivery_opaque,
    }
}

/// What the headers of a letter say of the message.
pub(crate) fn dead_letter<'a>(
    message: &'a impl ReceivedRecord,
    error: &'a dyn fmt::Display,
) -> DeadLetter<'a> {
    let letter = DeadLetter::new(message.topic(), error)
        .with_detail(DEAD_LETTER_PARTITION, message.partition().to_string())
        .with_detail(DEAD_LETTER_OFFSET, message.offset().to_string());
    match sent_at(message) {
        Some(time) => letter.with_detail(DEAD_LETTER_TIMESTAMP, time.to_string()),
        None => letter,
    }
}

/// The headers with which a message goes on, within `room` bytes.
pub(crate) fn headers(
    message: &impl ReceivedRecord,
    way: Way<'_>,
    room: usize,
) -> Option<OwnedHeaders> {
    let carried = message.carried();
    let mut headers = carried.map(|carried| {
        if raw(carried).any(|(name, _)| way.renames(name)) {
            renamed(carried, way, room)
        } else {
            carried.detach()
        }
    });
    if let (Way::Republish, Some(time)) = (way, sent_at(message)) {
        let headers = headers.get_or_insert_default();
        let is_there = headers.get_all(RECEIVED_TIMESTAMP).next().is_some();
        if !is_there && !add_within(headers, RECEIVED_TIMESTAMP, &time.to_string(), room) {
            count_dropped_fields(1, CarrierError::TooLarge);
        }
    }
    headers
}

fn add_within(headers: &mut OwnedHeaders, name: &str, value: &str, room: usize) -> bool {
    let size = size::of_headers(headers) + name.len() + value.len() + size::PER_HEADER;
    size <= room && CarrierMut::<Kafka>::add(headers, name, value.into()).is_ok()
}

/// The headers under their new names, in their order. A new name that is taken already is of an
/// earlier time, and stays.
#[cold]
fn renamed(carried: &BorrowedHeaders, way: Way<'_>, room: usize) -> OwnedHeaders {
    let prefix = way.prefix().as_bytes();
    // Looked up, because a remote party chooses how many headers there are.
    let taken: HashSet<_> = raw(carried)
        .filter_map(|(name, _)| name.strip_prefix(prefix))
        .collect();
    let (mut all, mut kept) = (OwnedHeaders::new(), OwnedHeaders::new());
    let mut left_out = 0;
    for (name, value) in raw(carried) {
        if !way.renames(name) {
            native::add(&mut kept, (name, value));
            native::add(&mut all, (name, value));
            continue;
        }
        left_out += 1;
        if !taken.contains(name) {
            native::add(&mut all, (&[prefix, name].concat(), value));
        }
    }
    if size::of_headers(&all) > room && size::of_headers(&kept) <= room {
        // The longer names would make the record too large.
        count_dropped_fields(left_out, CarrierError::TooLarge);
        return kept;
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use rdkafka::Message;
    use rdkafka::message::{OwnedMessage, Timestamp};

    const WAYS: [Way<'_>; 3] = [
        Way::Forward,
        Way::Republish,
        Way::DeadLetter(&"no such article"),
    ];

    type Headers<'a> = &'a [native::RawHeader<'a>];

    fn message(timestamp: Timestamp, headers: Headers<'_>) -> OwnedMessage {
        let mut carried = OwnedHeaders::new();
        for header in headers {
            assert!(native::add(&mut carried, *header));
        }
        let (payload, topic) = (Some(b"order".to_vec()), "orders".to_owned());
        OwnedMessage::new(payload, None, topic, timestamp, 0, 7, Some(carried))
    }

    fn assert_headers(message: &OwnedMessage, way: Way<'_>, room: usize, expected: Headers<'_>) {
        let found = headers(message, way, room).expect("headers");
        let found: Vec<_> = raw(found.as_borrowed()).collect();
        assert_eq!(found, expected);
    }

    /// What each row does stands there, and is tried on a broker by the integration tests.
    #[test]
    fn every_header_has_a_row_in_the_readme() {
        let readme = include_str!("../README.md");
        for (names, forward) in [(&MARKS[..], "renamed"), (&RETRIES, "kept")] {
            for name in names {
                let cell = format!("`{name}`");
                let mut rows = readme.lines().filter(|line| line.starts_with("| `"));
                let row = rows.find(|row| row.split(" | ").next().unwrap_or("").contains(&cell));
                let row = row.unwrap_or_else(|| panic!("{name} has no row"));
                let end = format!("| {forward} | renamed | renamed |");
                assert!(row.ends_with(&end), "{name}");
            }
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
        assert_headers(&message, WAYS[0], 9999, renamed);
        assert_headers(&message, WAYS[1], 9999, renamed);
        let taken = [given[0], given[2], given[4], given[5]];
        assert_headers(&message, WAYS[2], 9999, &taken);
    }

    #[test]
    fn what_has_no_room_under_a_longer_name_is_left_out_and_counted() {
        let given: Headers<'_> = &[(b"__replicator_id", Some(b"1")), (b"order", Some(b"7"))];
        let message = message(Timestamp::CreateTime(1_000_000_000_000), given);
        let size = size::of_headers(message.headers().expect("headers"));
        for (way, left_out) in WAYS.into_iter().zip([1, 2, 1]) {
            let dropped = otel_messaging::dropped_fields();
            assert_headers(&message, way, size, &given[1..]);
            assert!(otel_messaging::dropped_fields() >= dropped + left_out);
        }
    }
}
