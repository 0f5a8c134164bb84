//! What becomes of each property and each header when a message is sent on. The README has the
//! same as a table, with the reasons.

use crate::destination::REPLY_TO;
use crate::frame;
use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable, ShortString};
use otel_messaging::{CarrierError, count_dropped_fields};
use std::collections::BTreeMap;

/// In which of the three ways a message is sent on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Forward,
    Republish,
    DeadLetter,
}

/// In which ways something goes along under another name, where nothing acts on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Renamed {
    Always,
    /// It is the sender's word on the message, and a message that is forwarded is still its
    /// sender's.
    UnlessForwarded,
}

use Renamed::{Always, UnlessForwarded};

const EXPIRATION: Renamed = UnlessForwarded;
const USER_ID: Renamed = Always;

/// By their exact names, as RabbitMQ and its plugins look for them.
const HEADERS: [(&str, Renamed); 23] = [
    ("BCC", Always),
    ("CC", Always),
    ("timestamp_in_ms", Always),
    ("x-acquired-count", Always),
    ("x-cache-ttl", UnlessForwarded),
    ("x-death", Always),
    ("x-deduplication-header", UnlessForwarded),
    ("x-delay", Always),
    ("x-delivery-count", Always),
    ("x-first-death-exchange", Always),
    ("x-first-death-queue", Always),
    ("x-first-death-reason", Always),
    ("x-last-death-exchange", Always),
    ("x-last-death-queue", Always),
    ("x-last-death-reason", Always),
    ("x-opt-rabbitmq-received-time", Always),
    ("x-opt-rabbitmq-sent-time", Always),
    ("x-original-cc", Always),
    ("x-original-exchange", Always),
    ("x-original-routing-key", Always),
    ("x-received-from", Always),
    ("x-routed-by", Always),
    ("x-stream-offset", Always),
];

/// The delivery mode with which RabbitMQ writes a message in a durable queue to its disk.
const PERSISTENT: u8 = 2;

/// The properties, without their headers, and the headers with which a message goes on.
pub(crate) fn relayed(given: &BasicProperties, way: Way) -> (BasicProperties, Option<FieldTable>) {
    let properties = properties(given, way);
    let headers = given.headers().as_ref();
    let found = headers.is_some_and(|headers| {
        let mut renamed = HEADERS.iter().filter(|(_, renamed)| way.renames(*renamed));
        renamed.any(|(name, _)| headers.contains_key(name))
    });
    let moved = moved_properties(given, way).any(|(_, value)| value.is_some());
    if !found && !moved {
        return (properties, headers.cloned());
    }
    let headers = renamed(given, &properties, way);
    (properties, Some(headers))
}

impl Way {
    fn renames(self, what: Renamed) -> bool {
        what == Always || self != Self::Forward
    }

    /// What is put before a name.
    fn prefix(self) -> &'static str {
        match self {
            Self::Forward | Self::Republish => "received-",
            Self::DeadLetter => "dead-letter-",
        }
    }
}

fn properties(given: &BasicProperties, way: Way) -> BasicProperties {
    let delivery_mode = match way {
        Way::Forward | Way::Republish => *given.delivery_mode(),
        Way::DeadLetter => Some(PERSISTENT),
    };
    // The properties have no way to remove one.
    let all = BasicProperties::default();
    let all = put(
        all,
        given.content_type(),
        BasicProperties::with_content_type,
    );
    let all = put(
        all,
        given.content_encoding(),
        BasicProperties::with_content_encoding,
    );
    let all = put(all, &delivery_mode, BasicProperties::with_delivery_mode);
    let all = put(all, given.priority(), BasicProperties::with_priority);
    let all = put(
        all,
        given.correlation_id(),
        BasicProperties::with_correlation_id,
    );
    let all = if asks_for_direct_reply_to(given) {
        all
    } else {
        put(all, given.reply_to(), BasicProperties::with_reply_to)
    };
    let all = put(all, given.message_id(), BasicProperties::with_message_id);
    let all = put(all, given.timestamp(), BasicProperties::with_timestamp);
    let all = put(all, given.kind(), BasicProperties::with_type);
    let all = put(all, given.app_id(), BasicProperties::with_app_id);
    let all = put(all, given.cluster_id(), BasicProperties::with_cluster_id);
    if way.renames(EXPIRATION) {
        all
    } else {
        put(all, given.expiration(), BasicProperties::with_expiration)
    }
}

/// RabbitMQ puts the address of the publishing channel in place of this `reply_to`, or closes a channel
/// that has none. What it delivers has that address. The text itself arrives where a sender by AMQP 1.0
/// wrote it (RabbitMQ 4), or a broker that is not RabbitMQ passed it on.
fn asks_for_direct_reply_to(given: &BasicProperties) -> bool {
    let reply_to = given.reply_to().as_ref();
    reply_to.is_some_and(|reply_to| reply_to.as_str() == REPLY_TO)
}

fn put<T: Clone>(
    properties: BasicProperties,
    value: &Option<T>,
    with: fn(BasicProperties, T) -> BasicProperties,
) -> BasicProperties {
    match value {
        Some(value) => with(properties, value.clone()),
        None => properties,
    }
}

/// The properties that go along as headers, by the names that come behind the prefix.
fn moved_properties(
    given: &BasicProperties,
    way: Way,
) -> impl Iterator<Item = (&'static str, Option<&ShortString>)> {
    let (expiration, user_id) = (way.renames(EXPIRATION), way.renames(USER_ID));
    let all = [
        ("expiration", expiration, given.expiration()),
        (
            "reply-to",
            asks_for_direct_reply_to(given),
            given.reply_to(),
        ),
        ("user-id", user_id, given.user_id()),
    ];
    let moved = all.into_iter().filter(|(_, is_moved, _)| *is_moved);
    moved.map(|(name, _, value)| (name, value.as_ref()))
}

/// The headers under their new names. A new name that is taken already is of an earlier time, and
/// stays.
#[cold]
fn renamed(given: &BasicProperties, without_headers: &BasicProperties, way: Way) -> FieldTable {
    let is_renamed = |name: &ShortString| {
        let mut all = HEADERS.iter();
        all.any(|(other, renamed)| *other == name.as_str() && way.renames(*renamed))
    };
    let given_headers = || given.headers().iter().flat_map(|headers| headers.inner());
    let kept = || -> BTreeMap<_, _> {
        let kept = given_headers().filter(|(name, _)| !is_renamed(name));
        kept.map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    };
    let new_name = |name: &str| ShortString::from(format!("{}{name}", way.prefix()));

    let mut all = kept();
    let number_kept = all.len();
    for (name, value) in given_headers().filter(|(name, _)| is_renamed(name)) {
        let entry = all.entry(new_name(name.as_str()));
        entry.or_insert_with(|| value.clone());
    }
    for (name, value) in moved_properties(given, way) {
        if let Some(value) = value {
            let entry = all.entry(new_name(name));
            entry.or_insert_with(|| AMQPValue::LongString(value.as_str().into()));
        }
    }
    let left_out = all.len() - number_kept;
    let all = FieldTable::from(all);
    let has_room = |headers: &FieldTable| frame::room(without_headers, headers).is_some();
    if has_room(&all) {
        return all;
    }
    // The longer names would end the connection.
    let kept = FieldTable::from(kept());
    if !has_room(&kept) {
        return all;
    }
    count_dropped_fields(left_out as u64, CarrierError::TooLarge);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::FRAME_MAX;

    const WAYS: [Way; 3] = [Way::Forward, Way::Republish, Way::DeadLetter];

    fn text(text: &str) -> AMQPValue {
        AMQPValue::LongString(text.into())
    }

    fn table(entries: &[(&str, AMQPValue)]) -> FieldTable {
        let entries = entries.iter().cloned();
        FieldTable::from(BTreeMap::from_iter(
            entries.map(|(name, value)| (ShortString::from(name), value)),
        ))
    }

    /// What each row does stands there, and is tried on a broker by the integration tests.
    #[test]
    fn every_header_has_a_row_in_the_readme() {
        let readme = include_str!("../README.md");
        for (name, renamed) in HEADERS {
            let cell = format!("`{name}`");
            let mut rows = readme.lines().filter(|line| line.starts_with("| `"));
            let row = rows.find(|row| row.split(" | ").next().unwrap_or("").contains(&cell));
            let row = row.unwrap_or_else(|| panic!("{name} has no row"));
            let forward = if renamed == Always { "renamed" } else { "kept" };
            let end = format!("| {forward} | renamed | renamed |");
            assert!(row.ends_with(&end), "{name}");
        }
    }

    /// RabbitMQ goes by exact names.
    #[test]
    fn a_header_in_another_spelling_is_the_programs_own() {
        let headers = table(&[("cc", text("a")), ("X-Death", text("b"))]);
        let given = BasicProperties::default().with_headers(headers.clone());
        for way in WAYS {
            assert_eq!(relayed(&given, way).1.as_ref(), Some(&headers));
        }
    }

    #[test]
    fn nothing_is_made_of_nothing() {
        let given = BasicProperties::default();
        for way in [Way::Forward, Way::Republish] {
            assert_eq!(relayed(&given, way), (given.clone(), None));
        }
        let letter = given.with_delivery_mode(2);
        assert_eq!(relayed(&letter, Way::DeadLetter), (letter, None));
    }

    #[test]
    fn a_name_that_is_taken_stays() {
        let headers = table(&[
            ("CC", text("new")),
            ("dead-letter-CC", text("old")),
            ("received-CC", text("old")),
            ("dead-letter-user-id", text("old")),
            ("received-user-id", text("old")),
        ]);
        let given = BasicProperties::default().with_user_id("new".into());
        let given = given.with_headers(headers.clone());
        for way in WAYS {
            let mut expected = headers.inner().clone();
            expected.remove("CC");
            let (properties, found) = relayed(&given, way);
            assert_eq!(properties.user_id(), &None);
            assert_eq!(found, Some(FieldTable::from(expected)), "{way:?}");
        }
    }

    /// A frame that is too large ends the connection, so what has to have a longer name goes.
    #[test]
    fn what_has_no_room_under_a_longer_name_is_left_out_and_counted() {
        let given = BasicProperties::default().with_expiration("1000".into());
        // Around the frame and the properties, for the table's size, and for two headers.
        let filler = FRAME_MAX - 8 - 14 - 4 - (1 + 2 + 1 + 4 + 1) - (1 + 1 + 1 + 4);
        let headers = table(&[("CC", text("a")), ("x", text(&"x".repeat(filler - 5)))]);
        let given = given.with_headers(headers.clone());
        assert_eq!(frame::room(&given, &headers), Some(0));
        let mut kept = headers.inner().clone();
        kept.remove("CC");
        let kept = Some(FieldTable::from(kept));
        for (way, left_out) in [(Way::Republish, 2), (Way::Forward, 1)] {
            let dropped = otel_messaging::dropped_fields();
            assert_eq!(relayed(&given, way).1, kept, "{way:?}");
            assert!(otel_messaging::dropped_fields() >= dropped + left_out);
        }
    }
}
