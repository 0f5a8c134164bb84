//! The reply subject of a JetStream message, in which the server tells what it knows of it.

use std::time::{Duration, SystemTime};

pub(crate) const PREFIX: &str = "$JS.ACK.";

/// What stands in `$JS.ACK.…`: the older form of nine tokens, or the newer one of eleven and more,
/// with domain and account in front (ADR-15).
#[derive(Debug, PartialEq)]
pub(crate) struct AckSubject<'a> {
    pub(crate) stream: &'a str,
    pub(crate) consumer: &'a str,
    /// 1 for the first delivery.
    pub(crate) delivered: u64,
    pub(crate) sequence: u64,
    /// When the stream took the message.
    pub(crate) published: Option<SystemTime>,
}

impl<'a> AckSubject<'a> {
    /// Reads a reply subject; `None` if it is another, or malformed.
    pub(crate) fn parse(reply: &'a str) -> Option<Self> {
        let tokens = reply.strip_prefix(PREFIX)?;
        let mut from_stream = tokens.split('.');
        match tokens.bytes().filter(|byte| *byte == b'.').count() + 1 {
            7 => {}
            9.. => {
                from_stream.nth(1)?;
            }
            _ => return None,
        }
        let stream = from_stream.next()?;
        let consumer = from_stream.next()?;
        let delivered = from_stream.next()?.parse().ok()?;
        let sequence = from_stream.next()?.parse().ok()?;
        let since_epoch = from_stream.nth(1)?.parse().ok();
        Some(Self {
            stream,
            consumer,
            delivered,
            sequence,
            published: since_epoch.and_then(|nanoseconds| {
                SystemTime::UNIX_EPOCH.checked_add(Duration::from_nanos(nanoseconds))
            }),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn both_forms_are_read() {
        let expected = AckSubject {
            stream: "orders",
            consumer: "billing",
            delivered: 3,
            sequence: 100,
            published: Some(
                SystemTime::UNIX_EPOCH + Duration::from_nanos(1_790_230_470_084_404_000),
            ),
        };
        for reply in [
            "$JS.ACK.orders.billing.3.100.7.1790230470084404000.42",
            "$JS.ACK._.szMpdrwD.orders.billing.3.100.7.1790230470084404000.42",
            "$JS.ACK.hub.szMpdrwD.orders.billing.3.100.7.1790230470084404000.42.token.more",
        ] {
            assert_eq!(
                AckSubject::parse(reply).as_ref(),
                Some(&expected),
                "{reply}"
            );
        }
    }

    #[test]
    fn what_is_no_such_subject_is_none() {
        for reply in [
            "",
            "_INBOX.a.b",
            "$JS.ACK.",
            "$JS.FC.orders.billing.3.100.7.1790230470084404000.42",
            "$JS.ACK.orders.billing.3.100.7.1790230470084404000",
            "$JS.ACK._.a.orders.billing.3.100.7.1790230470084404000",
            "$JS.ACK.orders.billing.x.100.7.1790230470084404000.42",
            "$JS.ACK.orders.billing.-3.100.7.1790230470084404000.42",
        ] {
            assert_eq!(AckSubject::parse(reply), None, "{reply}");
        }
        let timeless = AckSubject::parse("$JS.ACK.orders.billing.3.100.7.-5.42");
        assert_eq!(timeless.expect("the rest is there").published, None);
    }

    proptest! {
        #[test]
        fn nothing_panics(rest in any::<String>(), numbers in "[0-9.]{0,60}") {
            let _ = AckSubject::parse(&format!("{PREFIX}{rest}"));
            let _ = AckSubject::parse(&format!("{PREFIX}{numbers}"));
        }
    }
}
