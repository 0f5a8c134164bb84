//! What each header means when a message is sent on.
//!
//! A message that is sent on is a new message. What a server wrote into the old one, or what its
//! sender asked of one publish, must not act on it: a stream refuses the message, or drops it, or
//! removes others for it. The README has the table.

use crate::injection::left_beside;
use crate::spelling::text;
use crate::subject::is_reserved;
use async_nats::header::{HeaderMap, HeaderName};
use otel_messaging::{CarrierError, count_dropped_fields};
use std::fmt::Display;

/// In which of the three ways a message is sent on.
#[derive(Clone, Copy)]
pub(crate) enum Way<'a> {
    Forward,
    Republish,
    DeadLetter(&'a dyn Display),
}

/// What the names begin with of headers that servers write, or act on: those of NATS itself, and
/// those of its MQTT.
const OF_SERVERS: [&str; 2] = ["Nats-", "Nmqtt-"];

/// These tell readers what the message is; no server acts on them as on an instruction.
const MEANINGS: [&str; 4] = [
    "KV-Operation",
    "Nats-Marker-Reason",
    "Nats-Service-Error",
    "Nats-Service-Error-Code",
];

impl Way<'_> {
    /// What is put before the name of this header; `None` if it stays as it is.
    fn prefix(self, name: &str) -> Option<&'static str> {
        let is = |other: &str| name.eq_ignore_ascii_case(other);
        let is_of_servers = OF_SERVERS.iter().any(|prefix| begins_with(name, prefix));
        let is_meaning = MEANINGS.iter().any(|meaning| is(meaning));
        match self {
            // Its reader is a person, and it stands for itself: it neither deletes nor answers.
            Self::DeadLetter(_) => (is_of_servers || is_meaning).then_some("dead-letter-"),
            // It is still its sender's message: a target that has it need not have it twice.
            Self::Forward if is("Nats-Msg-Id") => None,
            _ => (is_of_servers && !is_meaning).then_some("received-"),
        }
    }

    /// The headers with which a message that came with these is sent on. `room` is what headers may
    /// take, in bytes: where the longer names do not fit, their headers are left out.
    pub(crate) fn headers(self, came: Option<&HeaderMap>, room: usize) -> HeaderMap {
        let Some(came) = came else {
            return HeaderMap::new();
        };
        if !came
            .iter()
            .any(|(name, _)| self.prefix(text(name)).is_some())
        {
            return came.clone();
        }
        let renamed = self.renamed(came, true);
        if left_beside(&renamed, room).is_some() {
            renamed
        } else {
            let left_out = came
                .iter()
                .filter(|(name, _)| self.prefix(text(name)).is_some());
            count_dropped_fields(left_out.count() as u64, CarrierError::TooLarge);
            self.renamed(came, false)
        }
    }

    #[cold]
    fn renamed(self, came: &HeaderMap, is_kept: bool) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, values) in came.iter() {
            let renamed = self.prefix(text(name)).map(|prefix| {
                // In lower case: to look for `Nats-TTL`, servers up to 2.11 look at the first place
                // alone where that stands, be it a part of another name.
                let name = text(name).to_ascii_lowercase();
                let renamed = format!("{prefix}{name}").parse::<HeaderName>().ok();
                // Of a message that is sent on once more the first values stay: in a circle it
                // would grow without end.
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
mod tests {
    use super::*;

    const WAYS: [Way<'_>; 3] = [Way::Forward, Way::Republish, Way::DeadLetter(&"no")];

    /// The integration tests drive a stream with all of them.
    #[test]
    fn a_header_is_kept_or_renamed() {
        let received = Some("received-");
        let letter = Some("dead-letter-");
        for (name, expected) in [
            ("Nats-TTL", [received, received, letter]),
            ("nats-ttl", [received, received, letter]),
            ("Nats-Of-A-Later-Server", [received, received, letter]),
            ("Nmqtt-Pub", [received, received, letter]),
            ("Nats-Msg-Id", [None, received, letter]),
            ("KV-Operation", [None, None, letter]),
            ("Nats-Marker-Reason", [None, None, letter]),
            ("Nats-Service-Error-Code", [None, None, letter]),
            ("received-nats-ttl", [None; 3]),
            ("dead-letter-nats-ttl", [None; 3]),
            ("traceparent", [None; 3]),
            ("Nats", [None; 3]),
            ("Natsö-", [None; 3]),
            ("", [None; 3]),
        ] {
            assert_eq!(WAYS.map(|way| way.prefix(name)), expected, "{name}");
        }
    }

    #[test]
    fn all_values_of_a_header_are_renamed() {
        let mut came = HeaderMap::new();
        came.append("Nats-Trace-Hop", "1");
        came.append("Nats-Trace-Hop", "2");
        came.append("order", "7");
        let mut expected = HeaderMap::new();
        expected.append("received-nats-trace-hop", "1");
        expected.append("received-nats-trace-hop", "2");
        expected.append("order", "7");
        let headers = Way::Republish.headers(Some(&came), usize::MAX);
        assert_eq!(headers, expected);
        assert_eq!(Way::Republish.headers(Some(&headers), usize::MAX), expected);
        assert!(Way::Republish.headers(None, usize::MAX).is_empty());
    }

    #[test]
    fn a_reply_subject_that_makes_a_server_drop_the_message_stays() {
        for (reply, expected) in [
            ("_INBOX.a.b", true),
            ("answers", true),
            ("$FI", true),
            ("$JS.ACK.orders.billing.1.1.1.1790230470084404000.0", false),
            ("_R_.a.b", false),
            ("_GR_.a.b.answers", false),
            ("_INBOX.a.100.fail.2.1.$FI", false),
        ] {
            assert_eq!(goes_along(reply), expected, "{reply}");
        }
    }
}
