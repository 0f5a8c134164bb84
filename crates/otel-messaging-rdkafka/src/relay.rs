//! What becomes of a message's parts when it is sent on. The README has the same as a table, with
//! the reasons.

use crate::native;
use crate::received::ReceivedRecord;
use crate::wire_size;
use otel_messaging::adapter::{
    Carrier, CarrierError, CarrierMut, DeadLetter, Destination, Meaning, Relay,
    count_dropped_fields,
};
use rdkafka::message::{BorrowedHeaders, OwnedHeaders};
use std::collections::HashSet;
use std::fmt;

/// The headers of a dead letter that say where the message stands at its source, and since when.
const DEAD_LETTER_PARTITION: &str = "dead-letter-partition";
const DEAD_LETTER_OFFSET: &str = "dead-letter-offset";
const DEAD_LETTER_TIMESTAMP: &str = "dead-letter-timestamp";
/// The timestamp of the message that was republished first, in milliseconds since 1970.
const RECEIVED_TIMESTAMP: &str = "received-timestamp";

/// The headers on which programs around Kafka act. All others are content.
const MEANINGS: [(&str, Meaning); 4] = [
    // Replicators mark what they have copied, and skip what has their mark.
    ("__replicator_id", Meaning::Delivery),
    // Spring's retry topics count attempts in these, and wait by them.
    ("retry_topic-attempts", Meaning::Sender),
    ("retry_topic-backoff-timestamp", Meaning::Sender),
    ("retry_topic-original-timestamp", Meaning::Sender),
];

fn meaning_of(name: &[u8]) -> Meaning {
    let mut rows = MEANINGS.iter();
    let row = rows.find(|(other, _)| other.as_bytes() == name);
    row.map_or(Meaning::Content, |(_, meaning)| *meaning)
}

/// The timestamp with which a message goes on, if it is not the time of sending.
pub(crate) fn timestamp(message: &impl ReceivedRecord, relay: Relay<'_>) -> Option<i64> {
    if relay.renames(Meaning::Sender) {
        return None;
    }
    sent_at(message)
}

/// librdkafka takes 0 for the time of sending; negative values are not timestamps.
fn sent_at(message: &impl ReceivedRecord) -> Option<i64> {
    let timestamp = message.timestamp().to_millis();
    timestamp.filter(|timestamp| *timestamp > 0)
}

/// What the headers of a letter say of the message.
pub(crate) fn dead_letter<'a>(
    message: &'a impl ReceivedRecord,
    error: &'a dyn fmt::Display,
) -> DeadLetter<'a> {
    let letter = DeadLetter::new(Destination::named(message.topic()), error)
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
    relay: Relay<'_>,
    room: Option<usize>,
) -> Option<OwnedHeaders> {
    let carried = message.carried();
    let mut headers = carried.map(|carried| {
        if native::all(carried).any(|(name, _)| relay.renames(meaning_of(name))) {
            renamed(carried, relay, room)
        } else {
            carried.detach()
        }
    });
    if let (Relay::Republish, Some(time)) = (relay, sent_at(message)) {
        let headers = headers.get_or_insert_default();
        let is_there = headers.get_all(RECEIVED_TIMESTAMP).next().is_some();
        if !is_there && !add_within(headers, RECEIVED_TIMESTAMP, &time.to_string(), room) {
            count_dropped_fields(1, CarrierError::TooLarge);
        }
    }
    headers
}

fn add_within(headers: &mut OwnedHeaders, name: &str, value: &str, room: Option<usize>) -> bool {
    let size = name.len() + value.len() + wire_size::PER_HEADER;
    let has_room = room.is_none_or(|room| {
        let left = headers.left_of(room);
        left.is_some_and(|left| left >= size)
    });
    has_room && headers.add(name, value.into()).is_ok()
}

/// The headers with which a message came, without those that get another name, and how many of these
/// there are.
pub(crate) fn without_renamed(
    message: &impl ReceivedRecord,
    relay: Relay<'_>,
) -> (OwnedHeaders, u64) {
    let (mut kept, mut left_out) = (OwnedHeaders::new(), 0);
    for (name, value) in message.carried().into_iter().flat_map(native::all) {
        if relay.renames(meaning_of(name)) {
            left_out += 1;
        } else {
            native::add(&mut kept, (name, value));
        }
    }
    (kept, left_out)
}

/// The headers under their new names, in their order. A new name that is taken already is of an
/// earlier time, and stays.
#[cold]
fn renamed(carried: &BorrowedHeaders, relay: Relay<'_>, room: Option<usize>) -> OwnedHeaders {
    let prefix = relay.prefix().as_bytes();
    // Looked up, because a remote party chooses how many headers there are.
    let taken: HashSet<_> = native::all(carried)
        .filter_map(|(name, _)| name.strip_prefix(prefix))
        .collect();
    let (mut all, mut kept) = (OwnedHeaders::new(), OwnedHeaders::new());
    let mut left_out = 0;
    for (name, value) in native::all(carried) {
        if !relay.renames(meaning_of(name)) {
            native::add(&mut kept, (name, value));
            native::add(&mut all, (name, value));
            continue;
        }
        left_out += 1;
        if !taken.contains(name) {
            native::add(&mut all, (&[prefix, name].concat(), value));
        }
    }
    let has_room = |headers: &OwnedHeaders| room.is_none_or(|room| headers.left_of(room).is_some());
    if !has_room(&all) && has_room(&kept) {
        // The longer names would make the record too large.
        count_dropped_fields(left_out, CarrierError::TooLarge);
        return kept;
    }
    all
}

#[cfg(test)]
mod tests;
