//! A message that a report shows for many.

use crate::message::{Message, Value};
use crate::report::Example;
use otel_messaging::adapter::is_name;

/// Of a header's value, in characters.
const LONGEST: usize = 120;

/// The message's place, and the header that shows the symptom. Baggage is shown without its values.
pub(crate) fn of(message: &Message<'_>, shown_by: Option<usize>, shows_values: bool) -> Example {
    let header = shown_by.and_then(|place| message.headers.get(place));
    let header = header.map(|header| {
        let name = String::from_utf8_lossy(header.name);
        let value = match header.value {
            Value::Text(text) if is_name(header.name, "baggage") && !shows_values => {
                without_values(text)
            }
            Value::Bytes(bytes) if is_name(header.name, "baggage") && !shows_values => {
                format!("{} bytes", bytes.len())
            }
            Value::Text(text) => text.to_owned(),
            Value::Bytes(bytes) => format!("{} bytes: {}", bytes.len(), bytes.escape_ascii()),
            Value::Null => "null".to_owned(),
            Value::Other(kind) => format!("a {kind}"),
        };
        let mut shown: String = format!("{name}: {value}").chars().take(LONGEST).collect();
        if shown.len() < name.len() + 2 + value.len() {
            shown.push('…');
        }
        shown
    });
    Example {
        place: message.place,
        header,
    }
}

/// The members of a baggage with `…` for each value, as far as they have one.
fn without_values(baggage: &str) -> String {
    let members = baggage.split(',').take(LONGEST);
    let members = members.map(|member| match member.split_once('=') {
        Some((key, _)) => format!("{}=…", key.trim()),
        None => "…".to_owned(),
    });
    members.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Header, Origin, Place};
    use otel_messaging::adapter::{Contexts, FieldSet};

    fn shown(name: &[u8], value: Value<'_>, shows_values: bool) -> String {
        let message = Message {
            destination: "orders",
            origin: Origin::Subject,
            place: Place::Sequence(7),
            headers: vec![Header { name, value }],
            contexts: Contexts::One(FieldSet::default()),
            id: None,
            content_type: None,
            payload: b"",
        };
        let example = of(&message, Some(0), shows_values);
        assert_eq!(example.place, Place::Sequence(7));
        assert!(of(&message, Some(1), true).header.is_none());
        example.header.unwrap()
    }

    #[test]
    fn values_of_baggage_stay_with_their_owner() {
        let baggage = Value::Text("user=alice;p=1, token , card=4711=9");
        assert_eq!(
            shown(b"Baggage", baggage, false),
            "Baggage: user=…,…,card=…"
        );
        assert_eq!(
            shown(b"baggage", baggage, true),
            "baggage: user=alice;p=1, token , card=4711=9"
        );
        let bytes = Value::Bytes(b"user=alice\xff");
        assert_eq!(shown(b"Baggage", bytes, false), "Baggage: 11 bytes");
        assert_eq!(
            shown(b"baggage", bytes, true),
            "baggage: 11 bytes: user=alice\\xff"
        );
    }

    #[test]
    fn each_type_is_shown_and_long_ones_are_cut() {
        assert_eq!(
            shown(b"a", Value::Bytes(b"x\xff"), false),
            "a: 2 bytes: x\\xff"
        );
        assert_eq!(shown(b"a\xff", Value::Null, false), "a\u{fffd}: null");
        assert_eq!(shown(b"a", Value::Other("number"), false), "a: a number");
        let long = shown(b"a", Value::Text(&"é".repeat(200)), false);
        assert_eq!(long.chars().count(), LONGEST + 1);
    }
}
