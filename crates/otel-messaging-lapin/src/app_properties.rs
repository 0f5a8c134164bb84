//! The application properties of a sender that speaks AMQP 1.0, as RabbitMQ up to 3.12 hands them on.
//!
//! Its plugin for AMQP 1.0 leaves the section as the sender encoded it, in one header
//! (`rabbit_amqp1_0_message.erl`, `assemble`). From 4.0 on they are headers like any others. The
//! encoding is that of AMQP 1.0, sections 1.2, 1.6 and 3.2.5.

/// The header that holds the section.
pub(crate) const NAME: &str = "x-amqp-1.0-app-properties";

/// The descriptor of the section.
const DESCRIPTOR: [u8; 3] = [0x00, 0x53, 0x74];
const MAP8: u8 = 0xc1;
const MAP32: u8 = 0xd1;

/// The texts that stand under this name, in any spelling. None if the section is malformed.
pub(crate) fn values<'a>(section: &'a [u8], name: &str) -> impl Iterator<Item = &'a str> {
    let named = entries(section).filter(move |entry| entry.is_named(&[name]));
    named.filter_map(|entry| entry.value.text())
}

/// The section without the entries of these names, in any spelling; empty if none is left. `None` if
/// there are no such entries.
pub(crate) fn without(section: &[u8], names: &[&str]) -> Option<Vec<u8>> {
    if !entries(section).any(|entry| entry.is_named(names)) {
        return None;
    }
    let mut rest = Vec::with_capacity(section.len());
    let mut count: u32 = 0;
    for entry in entries(section).filter(|entry| !entry.is_named(names)) {
        rest.extend_from_slice(entry.encoded);
        count += 2;
    }
    if count == 0 {
        return Some(rest);
    }
    // The size is that of what follows it, the number of items included.
    let size = u32::try_from(rest.len() + 4).ok()?;
    let head = [
        &DESCRIPTOR[..],
        &[MAP32],
        &size.to_be_bytes(),
        &count.to_be_bytes(),
    ];
    Some([&head.concat()[..], &rest].concat())
}

struct Entry<'a> {
    key: Item<'a>,
    value: Item<'a>,
    encoded: &'a [u8],
}

impl Entry<'_> {
    fn is_named(&self, names: &[&str]) -> bool {
        let is = |key: &str| names.iter().any(|name| key.eq_ignore_ascii_case(name));
        self.key.text().is_some_and(is)
    }
}

/// The entries of a section, all of them or none.
fn entries(section: &[u8]) -> impl Iterator<Item = Entry<'_>> {
    let mut rest = items(section)
        .filter(|items| all(items))
        .unwrap_or_default();
    std::iter::from_fn(move || {
        let (entry, behind) = next(rest)?;
        rest = behind;
        Some(entry)
    })
}

/// Whether these are whole entries.
fn all(mut items: &[u8]) -> bool {
    while !items.is_empty() {
        let Some((_, behind)) = next(items) else {
            return false;
        };
        items = behind;
    }
    true
}

fn next(items: &[u8]) -> Option<(Entry<'_>, &[u8])> {
    let (key, behind) = Item::first(items)?;
    let (value, behind) = Item::first(behind)?;
    let encoded = items.get(..items.len() - behind.len())?;
    let entry = Entry {
        key,
        value,
        encoded,
    };
    Some((entry, behind))
}

/// The keys and values of a section, one behind the other.
fn items(section: &[u8]) -> Option<&[u8]> {
    let map = section.strip_prefix(&DESCRIPTOR)?;
    let (kind, map) = map.split_first()?;
    let width = match *kind {
        MAP8 => 1,
        MAP32 => 4,
        _ => return None,
    };
    let (size, map) = number(map, width)?;
    let (_, items) = number(map, width)?;
    (map.len() == size).then_some(items)
}

/// A value of a primitive type.
#[derive(Clone, Copy)]
struct Item<'a> {
    kind: u8,
    /// Without its length.
    content: &'a [u8],
}

impl<'a> Item<'a> {
    /// The type tells how long the value is (section 1.2).
    fn first(items: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (&kind, rest) = items.split_first()?;
        let (size, rest) = match kind >> 4 {
            0x4 => (0, rest),
            0x5 => (1, rest),
            0x6 => (2, rest),
            0x7 => (4, rest),
            0x8 => (8, rest),
            0x9 => (16, rest),
            0xa | 0xc | 0xe => number(rest, 1)?,
            0xb | 0xd | 0xf => number(rest, 4)?,
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(size)?;
        Some((Self { kind, content }, rest))
    }

    fn text(self) -> Option<&'a str> {
        // str8-utf8 and str32-utf8.
        let is_string = matches!(self.kind, 0xa1 | 0xb1);
        str::from_utf8(self.content).ok().filter(|_| is_string)
    }
}

/// A number of so many bytes, and what stands behind it.
fn number(bytes: &[u8], width: usize) -> Option<(usize, &[u8])> {
    let (number, rest) = bytes.split_at_checked(width)?;
    let number = number.iter().fold(0, |n, byte| n << 8 | usize::from(*byte));
    Some((number, rest))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    /// What RabbitMQ 3.10.8 made of the properties `traceparent`, `n`, `tracestate`, `f`, `t`, `u` and
    /// `long` of a message of Qpid Proton: text, whole numbers, a fraction, true, null, 300 characters.
    pub(crate) fn section() -> Vec<u8> {
        let long = [&b"\xa1\x04long\xb1\x00\x00\x01\x2c"[..], &[b'x'; 300]].concat();
        [
            &b"\x00\x53\x74\xd1\x00\x00\x01\xab\x00\x00\x00\x0e"[..],
            b"\xa1\x0btraceparent\xa1\x37",
            TRACEPARENT.as_bytes(),
            b"\xa1\x01n\x55\x07\xa1\x0atracestate\xa1\x03a=1",
            b"\xa1\x01f\x82\x3f\xf8\x00\x00\x00\x00\x00\x00\xa1\x01t\x41\xa1\x01u\x40",
            &long,
        ]
        .concat()
    }

    fn of<'a>(section: &'a [u8], name: &str) -> Vec<&'a str> {
        values(section, name).collect()
    }

    #[test]
    fn what_a_sender_wrote_is_read() {
        let section = section();
        assert_eq!(of(&section, "traceparent"), [TRACEPARENT]);
        assert_eq!(of(&section, "TraceState"), ["a=1"]);
        assert_eq!(of(&section, "long"), ["x".repeat(300)]);
        for no_text in ["n", "f", "t", "u", "baggage", ""] {
            assert_eq!(of(&section, no_text), [""; 0]);
        }
    }

    #[test]
    fn entries_are_taken_out() {
        let section = section();
        assert_eq!(without(&section, &["baggage"]), None);
        let rest = without(&section, &["TraceParent", "tracestate"]).expect("a change");
        assert_eq!(of(&rest, "traceparent"), [""; 0]);
        assert_eq!(of(&rest, "long"), ["x".repeat(300)]);
        assert_eq!(entries(&rest).count(), 5);
        assert_eq!(&rest[3..12], b"\xd1\x00\x00\x01\x54\x00\x00\x00\x0a");
        let all = ["traceparent", "n", "tracestate", "f", "t", "u", "long"];
        assert_eq!(without(&section, &all), Some(Vec::new()));
    }

    #[test]
    fn a_short_map_is_read() {
        let section = b"\x00\x53\x74\xc1\x08\x02\xa1\x01a\xa1\x02bc";
        assert_eq!(of(section, "a"), ["bc"]);
    }

    /// Cut anywhere, or with any byte changed, it is read without a panic.
    #[test]
    fn what_is_malformed_is_nothing() {
        let good = section();
        for end in 0..good.len() {
            assert_eq!(of(&good[..end], "traceparent"), [""; 0], "{end}");
            assert_eq!(without(&good[..end], &["traceparent"]), None, "{end}");
        }
        for place in 0..100 {
            for byte in 0..=255 {
                let mut changed = good.clone();
                changed[place] = byte;
                let _ = of(&changed, "traceparent");
                if let Some(rest) = without(&changed, &["traceparent"]) {
                    assert_eq!(of(&rest, "traceparent"), [""; 0]);
                }
            }
        }
    }
}
