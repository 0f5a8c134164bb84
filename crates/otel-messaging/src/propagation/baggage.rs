//! W3C Baggage.

use opentelemetry::Context;
use opentelemetry::baggage::{Baggage, BaggageExt};
use opentelemetry::propagation::{Extractor, Injector};

pub(super) const BAGGAGE: &str = "baggage";

/// The limits of the specification, section 3.3.2, counted on the encoded form.
const MAX_MEMBERS: usize = 64;
const MAX_BYTES: usize = 8192;

pub(super) fn inject(context: &Context, injector: &mut dyn Injector) {
    let baggage = context.baggage();
    // Sorted, because OpenTelemetry's type has no order and the same baggage should make the
    // same header.
    let mut members: Vec<_> = baggage.iter().collect();
    members.sort_unstable_by_key(|(key, _)| key.as_str());
    let mut header = String::new();
    for (key, (value, properties)) in members.into_iter().take(MAX_MEMBERS) {
        let start = header.len();
        if start > 0 {
            header.push(',');
        }
        header.push_str(key.as_str());
        header.push('=');
        encode(value.as_str(), &mut header);
        if !properties.as_str().is_empty() {
            header.push(';');
            header.push_str(properties.as_str());
        }
        // A member that does not fit, or that would end in another member or another header, is
        // left out; the others go.
        if header.len() > MAX_BYTES || !is_safe(properties.as_str()) {
            header.truncate(start);
        }
    }
    if !header.is_empty() {
        injector.set(BAGGAGE, header);
    }
}

pub(super) fn extract(context: Context, extractor: &dyn Extractor) -> Context {
    let Some(lines) = extractor.get_all(BAGGAGE) else {
        return context;
    };
    let mut baggage = Baggage::new();
    let mut bytes = 0;
    for member in lines.iter().flat_map(|line| line.split(',')) {
        bytes += member.len() + 1;
        if baggage.len() == MAX_MEMBERS || bytes > MAX_BYTES + 1 {
            break;
        }
        if let Some((key, value, properties)) = parse(member) {
            baggage.insert_with_metadata(key.to_owned(), value, properties);
        }
    }
    if baggage.is_empty() {
        context
    } else {
        context.with_baggage(baggage)
    }
}

/// `key "=" value *( ";" property )`, each with optional white space around it. Invalid members
/// are skipped one by one.
fn parse(member: &str) -> Option<(&str, String, &str)> {
    let (pair, properties) = member.split_once(';').unwrap_or((member, ""));
    let (key, value) = pair.split_once('=')?;
    let properties = trim(properties);
    let valid = is_safe(value) && is_safe(properties);
    // The key is a token; OpenTelemetry's type checks it.
    valid.then(|| (trim(key), decode(trim(value)), properties))
}

fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

fn is_safe(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte != b',' && (byte == b'\t' || (b' '..=b'~').contains(&byte)))
}

/// Section 3.3.1: all but `baggage-octet` is percent-encoded, and `%` itself.
fn encode(value: &str, header: &mut String) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in value.bytes() {
        if byte.is_ascii_graphic() && !b"\",;\\%".contains(&byte) {
            header.push(char::from(byte));
        } else {
            header.push('%');
            header.push(char::from(HEX[usize::from(byte >> 4)]));
            header.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
}

/// Decodes once; broken UTF-8 becomes U+FFFD, a `%` without two digits stays.
fn decode(value: &str) -> String {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let [first, tail @ ..] = rest {
        let escape = match (first, tail) {
            (b'%', [high, low, after @ ..]) => digit(*high).zip(digit(*low)).map(|d| (d, after)),
            _ => None,
        };
        if let Some(((high, low), after)) = escape {
            bytes.push(high << 4 | low);
            rest = after;
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    fn relay(header: &str) -> Option<String> {
        let headers = HashMap::from([(BAGGAGE.to_owned(), header.to_owned())]);
        let mut out = HashMap::new();
        inject(&extract(Context::new(), &headers), &mut out);
        out.remove(BAGGAGE)
    }

    #[test]
    fn relaying_changes_no_value_and_smuggles_none() {
        let cases = [
            ("tenant=acme%20corp", "tenant=acme%20corp"),
            ("a=b=c;p=1;q", "a=b=c;p=1;q"),
            (
                "tenant=acme;p=%2Ctenant=evil",
                "tenant=acme;p=%2Ctenant=evil",
            ),
            ("k=v;p=a%0D%0Ab", "k=v;p=a%0D%0Ab"),
            ("rate=100%25", "rate=100%25"),
            (" a = 1 , b=2", "a=1,b=2"),
            ("bad key=1,=2,ok=3,noequals", "ok=3"),
        ];
        for (header, expected) in cases {
            assert_eq!(relay(header).as_deref(), Some(expected), "{header}");
        }
        assert_eq!(relay("a=1\r\nevil: 2"), None);
    }

    #[test]
    fn what_is_in_the_context_survives_a_malformed_header() {
        let context = Context::new().with_baggage([opentelemetry::KeyValue::new("kept", "1")]);
        let headers = HashMap::from([(BAGGAGE.to_owned(), "@@@".to_owned())]);
        let context = extract(context, &headers);
        assert_eq!(context.baggage().get("kept").map(|v| v.as_str()), Some("1"));
    }

    #[test]
    fn broken_utf8_becomes_a_replacement_character() {
        assert_eq!(decode("a%FFb%zz%4"), "a\u{fffd}b%zz%4");
    }

    proptest! {
        #[test]
        fn any_value_survives(value in "\\PC{0,200}") {
            let mut header = String::new();
            encode(&value, &mut header);
            prop_assert!(header.bytes().all(|b| b.is_ascii_graphic() && b != b',' && b != b';'));
            prop_assert_eq!(decode(&header), value);
        }

        #[test]
        fn relaying_twice_is_relaying_once(header in "[ -~]{0,300}") {
            if let Some(once) = relay(&header) {
                prop_assert!(once.len() <= MAX_BYTES);
                prop_assert_eq!(relay(&once), Some(once));
            }
        }
    }
}
