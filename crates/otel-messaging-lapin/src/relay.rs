//! What becomes of each property and each header when a message is sent on. The README has the
//! same as a table, with the reasons.

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

/// Of a letter, which is kept where its broker is killed.
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
    let all = put(all, given.reply_to(), BasicProperties::with_reply_to);
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
    let all = [
        ("expiration", EXPIRATION, given.expiration()),
        ("user-id", USER_ID, given.user_id()),
    ];
    let all = all
        .into_iter()
        .filter(move |(_, renamed, _)| way.renames(*renamed));
    all.map(|(name, _, value)| (name, value.as_ref()))
}

/// The headers under their new names. A new name that is taken already is of an earlier time, and
/// stays.
#[cold]
fn renamed(given: &BasicProperties, without_headers: &BasicProperties, way: Way) -> FieldTable {
    let new_name = |name: &str| ShortString::from(format!("{}{name}", way.prefix()));
    let is_renamed = |name: &str| {
        let mut all = HEADERS.iter();
        all.any(|(other, renamed)| *other == name && way.renames(*renamed))
    };
    let mut kept = BTreeMap::new();
    let mut moved = Vec::new();
    for (name, value) in given.headers().iter().flat_map(|headers| headers.inner()) {
        if is_renamed(name.as_str()) {
            moved.push((new_name(name.as_str()), value.clone()));
        } else {
            kept.insert(name.clone(), value.clone());
        }
    }
    for (name, value) in moved_properties(given, way) {
        let value = value.map(|value| AMQPValue::LongString(value.as_str().into()));
        moved.extend(value.map(|value| (new_name(name), value)));
    }
    let mut all = kept.clone();
    for (name, value) in moved {
        all.entry(name).or_insert(value);
    }
    let (all, kept) = (FieldTable::from(all), FieldTable::from(kept));
    let has_room = |headers: &FieldTable| frame::room(without_headers, headers).is_some();
    if !has_room(&all) && has_room(&kept) {
        // The longer names would end the connection.
        let left_out = all.inner().len() - kept.inner().len();
        count_dropped_fields(left_out as u64, CarrierError::TooLarge);
        return kept;
    }
    all
}
