//! Who sent a message, as far as it tells: a name under which its messages are counted.

use crate::message::{Message, Origin, Value};
use otel_messaging::adapter::is_name;

/// Of a part of a name, in characters.
const LONGEST: usize = 60;

/// Headers by which a kind of program is known, whatever their values.
const KINDS: [(&str, &str); 13] = [
    ("__TypeId__", "Spring"),
    ("spring_json_header_types", "Spring Kafka"),
    ("MT-Activity-Id", "MassTransit"),
    ("NServiceBus.MessageId", "NServiceBus"),
    ("x-datadog-trace-id", "Datadog"),
    ("elasticapmtraceparent", "Elastic APM"),
    ("newrelic", "New Relic"),
    ("sentry-trace", "Sentry"),
    ("sw8", "SkyWalking"),
    ("x-amzn-trace-id", "AWS X-Ray"),
    ("uber-trace-id", "Jaeger client"),
    ("b3", "B3"),
    ("X-B3-TraceId", "B3"),
];

/// Headers that say by which way a message came.
const WAYS: [(&str, &str); 5] = [
    ("x-shovelled", "through a shovel"),
    ("x-received-from", "through a federation link"),
    ("x-death", "dead-lettered"),
    ("Nats-Stream-Source", "from another stream"),
    ("__connect.errors.topic", "dead-lettered by Kafka Connect"),
];

/// Writes the name of the message's producer in place of what is in `name`. Parts that look like numbers or ids
/// become `…` or `*`, so that a producer has few names. It is empty if the message tells nothing.
pub(crate) fn write_name(message: &Message<'_>, name: &mut String) {
    name.clear();
    match message.origin {
        Origin::Key(None) => name.push_str("no key"),
        Origin::Key(Some(key)) => write_key(key, name),
        Origin::Route {
            routing_key,
            app_id,
        } => {
            // With the default exchange, it is the queue, which is the destination.
            if routing_key != message.destination {
                name.push_str("routing key ");
                write_segments(routing_key, name);
            }
            if let Some(app_id) = app_id.filter(|app_id| !app_id.is_empty()) {
                push_part("app_id ", name);
                write_cut(app_id, name);
            }
        }
        Origin::Subject => {}
    }
    write_hints(message, name);
}

/// What the headers tell, each once and in the order of the tables: the order of the headers may differ from message
/// to message.
fn write_hints(message: &Message<'_>, name: &mut String) {
    let mut has = [false; KINDS.len() + WAYS.len()];
    let (mut is_celery, mut source) = (false, None);
    for header in &message.headers {
        // Each name begins with one of these letters.
        if !header
            .name
            .first()
            .is_some_and(|first| b"_sSmMnNxXeEuUbBcCwWlL".contains(first))
        {
            continue;
        }
        let known = KINDS.iter().chain(&WAYS).zip(&mut has);
        for ((known, _), has) in known {
            *has |= is_name(header.name, known);
        }
        match (header.name, header.value) {
            (b"ce_source" | b"ce-source" | b"cloudEvents:source", Value::Text(text)) => {
                source = source.or(Some(text));
            }
            (b"lang", Value::Text("py")) => is_celery = true,
            _ => {}
        }
    }
    let mut last = "";
    for ((_, hint), has) in KINDS.iter().chain(&WAYS).zip(has) {
        if has && *hint != last {
            push_part(hint, name);
            last = hint;
        }
    }
    if is_celery {
        push_part("Celery", name);
    }
    if let Some(source) = source {
        push_part("CloudEvents source ", name);
        write_cut(source, name);
    }
}

fn push_part(part: &str, name: &mut String) {
    if !name.is_empty() {
        name.push_str(", ");
    }
    name.push_str(part);
}

/// The beginning of a key that all keys of one kind have: `order` of `order-4711`. It is letters, and what follows
/// them separates: the letters of a random key, or the name of a person, are no kind.
fn write_key(key: &[u8], name: &mut String) {
    let length = key
        .iter()
        .position(|byte| !byte.is_ascii_alphabetic())
        .unwrap_or(key.len())
        .min(LONGEST);
    let (prefix, rest) = key.split_at(length);
    let is_id = rest.iter().chain(prefix).all(is_of_id);
    match str::from_utf8(prefix) {
        Ok(prefix) if rest.is_empty() && !prefix.is_empty() => {
            name.push_str("key ");
            name.push_str(prefix);
        }
        Ok(prefix) if prefix.len() > 1 && !is_id && is_separated(rest) => {
            name.push_str("key ");
            name.push_str(prefix);
            name.push('…');
        }
        _ => name.push_str("keys without a prefix"),
    }
}

fn is_separated(rest: &[u8]) -> bool {
    rest.first().is_some_and(|byte| b"-_:/.|#".contains(byte))
}

/// Whether the byte may be a part of a UUID or a number.
fn is_of_id(byte: &u8) -> bool {
    byte.is_ascii_hexdigit() || *byte == b'-'
}

/// The segments of a routing key or a subject; those that are numbers or ids become `*`.
pub(crate) fn write_segments(text: &str, name: &mut String) {
    let mut written = 0;
    for (place, segment) in text.split('.').enumerate() {
        if place > 0 {
            name.push('.');
        }
        if written > LONGEST {
            name.push('…');
            return;
        }
        if is_number_or_id(segment.as_bytes()) {
            name.push('*');
        } else {
            write_cut(segment, name);
        }
        written += segment.len() + 1;
    }
}

/// Whether a segment has three digits in a row, or nothing but digits, or those of a long id.
fn is_number_or_id(segment: &[u8]) -> bool {
    let has_digit = segment.iter().any(u8::is_ascii_digit);
    let is_digits = |part: &[u8]| part.iter().all(u8::is_ascii_digit);
    has_digit
        && (is_digits(segment)
            || segment.windows(3).any(is_digits)
            || (segment.len() >= 8 && segment.iter().all(is_of_id)))
}

fn write_cut(text: &str, name: &mut String) {
    name.extend(text.chars().take(LONGEST));
    if text.chars().nth(LONGEST).is_some() {
        name.push('…');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Header, Place};
    use otel_messaging::adapter::{Contexts, FieldSet};

    fn name_of(origin: Origin<'_>, headers: &[(&str, &str)]) -> String {
        let headers = headers.iter().map(|(name, value)| Header {
            name: name.as_bytes(),
            value: Value::Text(value),
        });
        let message = Message {
            destination: "orders",
            origin,
            place: Place::Nth(1),
            headers: headers.collect(),
            contexts: Contexts::One(FieldSet::default()),
            id: None,
            content_type: None,
            payload: b"",
        };
        let mut name = "before".to_owned();
        write_name(&message, &mut name);
        name
    }

    #[test]
    fn keys_of_one_kind_have_one_name() {
        for (key, expected) in [
            ("order-4711", "key order…"),
            ("order-a7", "key order…"),
            ("tenant:acme:7", "key tenant…"),
            ("billing", "key billing"),
            ("alice@example.com", "keys without a prefix"),
            ("XkStGXR8_Z5", "keys without a prefix"),
            ("4711", "keys without a prefix"),
            (
                "f47ac10b-58cc-4372-a567-0e02b2c3d479",
                "keys without a prefix",
            ),
            ("", "keys without a prefix"),
            ("{\"id\":7}", "keys without a prefix"),
        ] {
            assert_eq!(
                name_of(Origin::Key(Some(key.as_bytes())), &[]),
                expected,
                "{key}"
            );
        }
        let binary = Origin::Key(Some(&[0, 255, 7]));
        assert_eq!(name_of(binary, &[]), "keys without a prefix");
        assert_eq!(name_of(Origin::Key(None), &[]), "no key");
    }

    #[test]
    fn numbers_in_a_routing_key_are_left_out() {
        let route = |routing_key, app_id| Origin::Route {
            routing_key,
            app_id,
        };
        assert_eq!(
            name_of(route("orders.v2.eu1.4711", Some("billing")), &[]),
            "routing key orders.v2.eu1.*, app_id billing"
        );
        assert_eq!(
            name_of(route("a.order-4711.7.0af76519", None), &[]),
            "routing key a.*.*.*"
        );
        // By the default exchange, to the queue that is the destination.
        assert_eq!(
            name_of(route("orders", Some("billing")), &[]),
            "app_id billing"
        );
        assert_eq!(name_of(route("orders", None), &[]), "");
        let long = "x.".repeat(100);
        let name = name_of(route(&long, None), &[]);
        assert!(name.ends_with('…') && name.len() < 100, "{name}");
        let long = "x".repeat(100);
        let name = name_of(route("", Some(&long)), &[]);
        assert!(name.ends_with('…') && name.len() < 100, "{name}");
    }

    #[test]
    fn headers_tell_the_kind_of_program_and_the_way() {
        let headers = [
            ("X-Datadog-Trace-Id", "7"),
            ("x-shovelled", ""),
            ("ce_source", "/orders"),
        ];
        assert_eq!(
            name_of(Origin::Subject, &headers),
            "Datadog, through a shovel, CloudEvents source /orders"
        );
        let mut reversed = headers;
        reversed.reverse();
        let name = name_of(Origin::Subject, &reversed);
        assert_eq!(name, name_of(Origin::Subject, &headers));
        let flood = [("b3", "0"), ("X-B3-TraceId", "0"), ("B3", "0")].repeat(1000);
        assert_eq!(name_of(Origin::Subject, &flood), "B3");
        assert_eq!(name_of(Origin::Subject, &[("lang", "py")]), "Celery");
        assert_eq!(name_of(Origin::Subject, &[("order", "7")]), "");
    }
}
