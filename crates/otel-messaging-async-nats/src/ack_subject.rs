//! The reply subject of a JetStream message, in which the server tells what it knows of it.

use std::time::{Duration, SystemTime};

pub(crate) const PREFIX: &str = "$JS.ACK.";

/// Whether a stream delivered the message with this reply subject.
pub(crate) fn is_ack_subject(reply: &str) -> bool {
    reply.starts_with(PREFIX)
}

/// What stands in `$JS.ACK.…`: the older form of seven tokens, or the newer one of nine and more, with
/// domain and account in front (ADR-15).
#[derive(Debug, PartialEq)]
pub(crate) struct AckSubject<'a> {
    pub(crate) stream: &'a str,
    pub(crate) consumer: &'a str,
    /// 1 for the first delivery.
    pub(crate) delivered: u64,
    pub(crate) sequence: u64,
    /// In nanoseconds since 1970, not read yet: few ask for it.
    published: &'a str,
}

impl<'a> AckSubject<'a> {
    /// Reads a reply subject; `None` if it is another, or malformed.
    pub(crate) fn parse(reply: &'a str) -> Option<Self> {
        let tokens = reply.strip_prefix(PREFIX)?;
        let (dots, count) = dots(tokens.as_bytes());
        let first = match count {
            6 => 0,
            8 => 2,
            _ => return None,
        };
        let token = |index: usize| {
            let start = match index.checked_sub(1) {
                Some(before) => dots[before] + 1,
                None => 0,
            };
            tokens.get(start..dots[index])
        };
        Some(Self {
            stream: token(first)?,
            consumer: token(first + 1)?,
            delivered: token(first + 2)?.parse().ok()?,
            sequence: token(first + 3)?.parse().ok()?,
            published: token(first + 5)?,
        })
    }

    /// When the stream took the message.
    pub(crate) fn published(&self) -> Option<SystemTime> {
        let since_epoch = Duration::from_nanos(self.published.parse().ok()?);
        SystemTime::UNIX_EPOCH.checked_add(since_epoch)
    }
}

/// The places of the first eight dots, and how many of them there are. What follows is not read.
fn dots(tokens: &[u8]) -> ([usize; 8], usize) {
    let mut dots = [0; 8];
    let mut count = 0;
    // Eight bytes at a time: most are no dots.
    let (chunks, rest) = tokens.as_chunks::<8>();
    let mut last = [0; 8];
    for (to, byte) in last.iter_mut().zip(rest) {
        *to = *byte;
    }
    for (index, chunk) in chunks.iter().chain([&last]).enumerate() {
        let mut found = dots_in(*chunk);
        while found != 0 {
            let Some(dot) = dots.get_mut(count) else {
                return (dots, count);
            };
            *dot = 8 * index + found.trailing_zeros() as usize / 8;
            count += 1;
            found &= found - 1;
        }
    }
    (dots, count)
}

/// The highest bit of each byte that is a dot; the first byte is the lowest.
fn dots_in(bytes: [u8; 8]) -> u64 {
    const LOW: u64 = u64::from_ne_bytes([0x7f; 8]);
    let zero_at_dots = u64::from_le_bytes(bytes) ^ u64::from_ne_bytes([b'.'; 8]);
    !(((zero_at_dots & LOW) + LOW) | zero_at_dots | LOW)
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
            published: "1790230470084404000",
        };
        let published = Duration::from_nanos(1_790_230_470_084_404_000);
        assert_eq!(
            expected.published(),
            Some(SystemTime::UNIX_EPOCH + published)
        );
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
        assert_eq!(timeless.expect("the rest is there").published(), None);
    }

    /// As it was read before, token by token.
    fn split(reply: &str) -> Option<AckSubject<'_>> {
        let tokens: Vec<_> = reply.strip_prefix(PREFIX)?.split('.').collect();
        let tokens = match tokens.len() {
            7 => &tokens[..],
            9.. => &tokens[2..],
            _ => return None,
        };
        Some(AckSubject {
            stream: tokens[0],
            consumer: tokens[1],
            delivered: tokens[2].parse().ok()?,
            sequence: tokens[3].parse().ok()?,
            published: tokens[5],
        })
    }

    proptest! {
        #[test]
        fn tokens_are_told_apart(tokens in prop::collection::vec("[a1ü]{0,3}|[0-9]{0,2}", 0..13)) {
            let reply = format!("{PREFIX}{}", tokens.join("."));
            prop_assert_eq!(AckSubject::parse(&reply), split(&reply));
        }

        #[test]
        fn nothing_panics(rest in any::<String>(), numbers in "[0-9.]{0,60}") {
            let _ = AckSubject::parse(&format!("{PREFIX}{rest}"));
            let _ = AckSubject::parse(&format!("{PREFIX}{numbers}"));
        }
    }
}
