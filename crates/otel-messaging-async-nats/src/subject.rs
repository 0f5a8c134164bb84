//! Which subjects are made for one use: by a server, or by a client for a reply or an object.

use crate::ack_subject;
use otel_messaging::adapter::Destination;

/// The destination that a subject is.
#[inline]
pub(crate) fn destination(subject: &str) -> Destination<'_> {
    if is_temporary(subject) {
        Destination::temporary(subject)
    } else {
        Destination::named(subject)
    }
}

/// What the servers take for their own: the acknowledgement of a stream's message, and the answer to
/// another account (`_R_`) or another cluster.
const RESERVED: [&str; 4] = [ack_subject::PREFIX, "_R_.", "_GR_.", "$GR."];

/// The other subjects with a random or counted part in them, as in nats-server 2.15: inboxes of
/// clients, flow control and snapshots of JetStream, what servers ask each other, and MQTT sessions.
const MADE: [&str; 14] = [
    "_INBOX.",
    "$JS.FC.",
    "$JS.SNAPSHOT.",
    "$JSC.",
    "$NRG.",
    "$LDS.",
    "$SYS._INBOX.",
    "$SYS._INBOX_.",
    "$MQTT.sub.",
    "$MQTT.JSA.",
    "$MQTT.sess.",
    "$MQTT.qos2.",
    "$MQTT.out.",
    "$MQTT.deliver.",
];

/// Whether servers refuse a publish with this reply subject, of which its sender learns nothing.
pub(crate) fn is_reserved(reply: &str) -> bool {
    RESERVED.iter().any(|prefix| reply.starts_with(prefix))
}

/// Whether the subject is made anew for each request, connection, session or object.
///
/// Not those with an identifier that lives longer: of a server (`$SYS.SERVER.<id>.`), an account, an
/// instance of a service (`$SRV.INFO.<name>.<id>`). Nor advisories about consumers: an ephemeral one's
/// name looks like any other.
fn is_temporary(subject: &str) -> bool {
    // All begin so, and an application's own hardly ever.
    matches!(subject.as_bytes().first(), Some(b'_' | b'$'))
        && (is_reserved(subject)
            || MADE.iter().any(|prefix| subject.starts_with(prefix))
            || is_chunk(subject))
}

/// Whether an object's chunks have this subject, `$O.<bucket>.C.<nuid>`: each object has its own.
fn is_chunk(subject: &str) -> bool {
    let in_bucket = subject.strip_prefix("$O.");
    let rest = in_bucket.and_then(|name| name.split_once('.'));
    rest.is_some_and(|(_, rest)| rest.starts_with("C."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_that_are_made_are_temporary() {
        for subject in [
            "_INBOX.oWFbdZIgcz1D0pkRTxwLmt.Qw3k",
            "_R_.k2Jd8a.vR3xQp",
            "_R_.k2Jd8a.vR3xQp.T",
            "_GR_.Kq3Zw1.8Tz0pR._INBOX.oWFbdZIgcz1D0pkRTxwLmt",
            "$GR.1a2b._INBOX.oWFbdZIgcz1D0pkRTxwLmt",
            "$JS.ACK.orders.billing.3.100.7.1790230470084404000.42",
            "$JS.FC.orders.billing.x7Qa",
            "$JS.SNAPSHOT.ACK.orders.oWFbdZIgcz1D0pkRTxwLmt",
            "$JSC.R.x7Qa",
            "$NRG.CR.x7Qa",
            "$LDS.x7Qa",
            "$SYS._INBOX.1a2b3c4d.x7Qa",
            "$SYS._INBOX_.x7Qa",
            "$MQTT.sub.oWFbdZIgcz1D0pkRTxwLmt",
            "$MQTT.JSA.x7Qa.SP.1.1",
            "$MQTT.sess.x7Qa",
            "$MQTT.qos2.in.x7Qa.1",
            "$MQTT.out.pubrel.x7Qa",
            "$MQTT.deliver.pubrel.x7Qa",
            "$O.photos.C.oWFbdZIgcz1D0pkRTxwLmt",
        ] {
            assert!(is_temporary(subject), "{subject}");
        }
    }

    /// NATS itself has names for these. They are the same each time, or as long as a server, a
    /// service's instance or a consumer lives.
    #[test]
    fn subjects_with_a_name_are_not() {
        for subject in [
            "",
            "orders.new",
            "_INBOX",
            "_INBOXES.orders",
            "_R_",
            "$KV.shop.order",
            "$O.photos.M.b3JkZXI=",
            "$O.photos",
            "$O.C.M.x",
            "$SRV.PING",
            "$SRV.INFO.shop.x7Qa",
            "$SYS.REQ.USER.INFO",
            "$SYS.SERVER.x7Qa.STATSZ",
            "$SYS.ACCOUNT.shop.CONNECT",
            "$JS.API.STREAM.INFO.orders",
            "$JS.EVENT.ADVISORY.STREAM.CREATED.orders",
            "$JS.EVENT.ADVISORY.CONSUMER.CREATED.orders.x7Qa",
            "$MQTT.msgs.orders",
            "orders._INBOX.x",
        ] {
            assert!(!is_temporary(subject), "{subject}");
        }
    }
}
