//! What becomes of each property and each header when a message is sent on. The README has the
//! same as a table, with the reasons.

use crate::route::REPLY_TO;
use crate::wire_size::FrameMax;
use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable, ShortString};
use otel_messaging::adapter::{CarrierError, CarrierMut, Meaning, Relay, count_dropped_fields};
use std::collections::BTreeMap;

use Meaning::{Delivery, Sender};

const EXPIRATION: Meaning = Sender;
const USER_ID: Meaning = Delivery;

/// By their exact names, as RabbitMQ and its plugins look for them. All others are content.
const HEADERS: [(&str, Meaning); 23] = [
    ("BCC", Delivery),
    ("CC", Delivery),
    ("timestamp_in_ms", Delivery),
    ("x-acquired-count", Delivery),
    ("x-cache-ttl", Sender),
    ("x-death", Delivery),
    ("x-deduplication-header", Sender),
    ("x-delay", Delivery),
    ("x-delivery-count", Delivery),
    ("x-first-death-exchange", Delivery),
    ("x-first-death-queue", Delivery),
    ("x-first-death-reason", Delivery),
    ("x-last-death-exchange", Delivery),
    ("x-last-death-queue", Delivery),
    ("x-last-death-reason", Delivery),
    ("x-opt-rabbitmq-received-time", Delivery),
    ("x-opt-rabbitmq-sent-time", Delivery),
    ("x-original-cc", Delivery),
    ("x-original-exchange", Delivery),
    ("x-original-routing-key", Delivery),
    ("x-received-from", Delivery),
    ("x-routed-by", Delivery),
    ("x-stream-offset", Delivery),
];

/// The delivery mode with which RabbitMQ writes a message in a durable queue to its disk.
const PERSISTENT: u8 = 2;

/// The properties, without their headers, and the headers with which a message goes on.
pub(crate) fn relayed(
    given: &BasicProperties,
    relay: Relay<'_>,
    frame_max: &FrameMax,
) -> (BasicProperties, Option<FieldTable>) {
    let properties = properties(given, relay);
    let headers = given.headers().as_ref();
    let found = headers.is_some_and(|headers| {
        let mut renamed = HEADERS.iter().filter(|(_, what)| relay.renames(*what));
        renamed.any(|(name, _)| headers.contains_key(name))
    });
    let moved = moved_properties(given, relay).any(|(_, value)| value.is_some());
    if !found && !moved {
        return (properties, headers.cloned());
    }
    let headers = renamed(given, relay, frame_max.room(&properties));
    (properties, Some(headers))
}

fn properties(given: &BasicProperties, relay: Relay<'_>) -> BasicProperties {
    let delivery_mode = match relay {
        Relay::Forward | Relay::Republish => *given.delivery_mode(),
        Relay::DeadLetter(_) => Some(PERSISTENT),
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
    if relay.renames(EXPIRATION) {
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
fn moved_properties<'m>(
    given: &'m BasicProperties,
    relay: Relay<'_>,
) -> impl Iterator<Item = (&'static str, Option<&'m ShortString>)> + use<'m> {
    let (expiration, user_id) = (relay.renames(EXPIRATION), relay.renames(USER_ID));
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
fn renamed(given: &BasicProperties, relay: Relay<'_>, room: Option<usize>) -> FieldTable {
    let is_renamed = |name: &ShortString| {
        let mut all = HEADERS.iter();
        all.any(|(other, what)| *other == name.as_str() && relay.renames(*what))
    };
    let given_headers = || given.headers().iter().flat_map(|headers| headers.inner());
    let kept = || -> BTreeMap<_, _> {
        let kept = given_headers().filter(|(name, _)| !is_renamed(name));
        kept.map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    };
    let new_name = |name: &str| ShortString::from(format!("{}{name}", relay.prefix()));

    let mut all = kept();
    let number_kept = all.len();
    for (name, value) in given_headers().filter(|(name, _)| is_renamed(name)) {
        let entry = all.entry(new_name(name.as_str()));
        entry.or_insert_with(|| value.clone());
    }
    for (name, value) in moved_properties(given, relay) {
        if let Some(value) = value {
            let entry = all.entry(new_name(name));
            entry.or_insert_with(|| AMQPValue::LongString(value.as_str().into()));
        }
    }
    let left_out = all.len() - number_kept;
    let all = FieldTable::from(all);
    let has_room = |headers: &FieldTable| room.is_none_or(|room| headers.left_of(room).is_some());
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
mod tests;
