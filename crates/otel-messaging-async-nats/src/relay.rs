//! What each header means when a message is sent on.
//!
//! A message that is sent on is a new message. What a server wrote into the old one, or what its
//! sender asked of one publish, must not act on it: a stream refuses the message, or drops it, or
//! removes others for it. The README has the table.

use crate::header_name::text;
use crate::subject::is_reserved;
use crate::wire_size::left_of;
use async_nats::header::{HeaderMap, HeaderName};
use otel_messaging::adapter::{CarrierError, Meaning, Relay, count_dropped_fields};

/// Servers write, or act on, headers whose names begin so: NATS itself, and its MQTT.
const OF_SERVERS: [&str; 2] = ["Nats-", "Nmqtt-"];

/// Readers learn from these what the message is. A server does not act on them.
const KINDS: [&str; 4] = [
    "KV-Operation",
    "Nats-Marker-Reason",
    "Nats-Service-Error",
    "Nats-Service-Error-Code",
];

/// What a header of this name means.
fn meaning(name: &str) -> Meaning {
    let is = |other: &str| name.eq_ignore_ascii_case(other);
    if KINDS.iter().any(|kind| is(kind)) {
        Meaning::Kind
    } else if is("Nats-Msg-Id") {
        // A target that has the message already need not have it twice.
        Meaning::Sender
    } else if OF_SERVERS.iter().any(|prefix| begins_with(name, prefix)) {
        Meaning::Delivery
    } else {
        Meaning::Content
    }
}

/// The headers with which a message that came with these is sent on. `room` is what headers may
/// take, in bytes: if the longer names do not fit, this leaves their headers out.
pub(crate) fn headers(relay: Relay<'_>, came: Option<&HeaderMap>, room: usize) -> HeaderMap {
    let Some(came) = came else {
        return HeaderMap::new();
    };
    let is_renamed = |name: &HeaderName| relay.renames(meaning(text(name)));
    if !came.iter().any(|(name, _)| is_renamed(name)) {
        return came.clone();
    }
    let renamed = renamed(relay, came, true);
    if left_of(&renamed, room).is_some() {
        renamed
    } else {
        let left_out = came.iter().filter(|(name, _)| is_renamed(name));
        count_dropped_fields(left_out.count() as u64, CarrierError::TooLarge);
        self::renamed(relay, came, false)
    }
}

/// The headers of a message that came with these, without those that get another name, and how many of
/// these there are.
pub(crate) fn without_renamed(relay: Relay<'_>, came: Option<&HeaderMap>) -> (HeaderMap, u64) {
    let Some(came) = came else {
        return (HeaderMap::new(), 0);
    };
    let is_renamed = |name: &HeaderName| relay.renames(meaning(text(name)));
    match came.iter().filter(|(name, _)| is_renamed(name)).count() {
        0 => (came.clone(), 0),
        count => (renamed(relay, came, false), count as u64),
    }
}

#[cold]
fn renamed(relay: Relay<'_>, came: &HeaderMap, is_kept: bool) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, values) in came.iter() {
        let renamed = relay.renames(meaning(text(name))).then(|| {
            // In lower case: servers up to 2.11 look for `Nats-TTL` at the first place alone where that
            // stands, even as a part of another name.
            let name = text(name).to_ascii_lowercase();
            let renamed = [relay.prefix(), &name].concat().parse::<HeaderName>().ok();
            // If a message is sent on once more, the first values stay. In a circle it would grow
            // without end.
            renamed.filter(|renamed| is_kept && came.get(renamed.clone()).is_none())
        });
        let name = match &renamed {
            None => name,
            Some(Some(renamed)) => renamed,
            Some(None) => continue,
        };
        for value in values {
            headers.append(name.clone(), value.clone());
        }
    }
    headers
}

/// Whether the reply subject of a message goes along when that is sent on.
///
/// Servers refuse a publish with one of their own, of which its sender learns nothing: for the
/// acknowledgement of a stream's message, or for an answer to another account (`_R_`) or another
/// cluster. One that ends in `.$FI` makes the message a part of a batch, and a stream that does not
/// have the rest of it drops the message.
pub(crate) fn goes_along(reply: &str) -> bool {
    !is_reserved(reply) && !reply.ends_with(".$FI")
}

fn begins_with(name: &str, prefix: &str) -> bool {
    let start = name.get(..prefix.len());
    start.is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

#[cfg(test)]
mod tests;
