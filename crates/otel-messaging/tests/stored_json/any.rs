//! Any JSON of RFC 8259's grammar, as a context and beside it.

use crate::reading::{alone, read_carrier, read_envelope};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::Value;

fn space() -> impl Strategy<Value = String> {
    "[ \t\r\n]{0,2}"
}

fn number() -> impl Strategy<Value = String> {
    prop_oneof![
        "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,5})?([eE][+-]?[0-9]{1,25})?",
        "-?[1-9][0-9]{300,330}",
    ]
}

/// Of which half of the escapes are surrogates.
fn text() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        "[ !#-\\[\\]-~]",
        "[é€😀\u{7f}\u{2028}]",
        "\\\\[\"\\\\/bfnrt]",
        "\\\\u[0-9a-fA-F]{4}",
        "\\\\u[dD][89a-fA-F][0-9a-fA-F]{2}",
    ];
    vec(part, 0..8).prop_map(|parts| format!("\"{}\"", parts.concat()))
}

fn name() -> impl Strategy<Value = String> {
    let field = prop_oneof![Just("traceparent"), Just("tracestate"), Just("baggage")];
    prop_oneof![text(), field.prop_map(|name| format!("\"{name}\""))]
}

fn leaf() -> impl Strategy<Value = String> {
    let word = prop_oneof![Just("null"), Just("true"), Just("false")];
    prop_oneof![word.prop_map(str::to_owned), number(), text()]
}

/// A map or an array, and sometimes many around it.
fn json() -> impl Strategy<Value = String> {
    let json = leaf().prop_recursive(3, 24, 6, |inner| {
        let entry = (name(), space(), space(), inner.clone());
        let entry = entry.prop_map(|(name, before, after, value)| {
            format!("{before}{name}{after}:{before}{value}{after}")
        });
        let map = vec(entry, 0..6).prop_map(|entries| format!("{{{}}}", entries.join(",")));
        let array = vec(inner, 0..6).prop_map(|values| format!("[{}]", values.join(" ,")));
        prop_oneof![2 => map, 1 => array]
    });
    let depth = prop_oneof![9 => Just(0_usize), 1 => 1..400_usize];
    (json, depth).prop_map(|(json, depth)| "[".repeat(depth) + &json + &"]".repeat(depth))
}

proptest! {
    #[test]
    fn no_context_costs_a_payload(
        context in json(), more in json(), name in name(), space in space(), order in 0..4,
    ) {
        let _alone = alone();
        let context_entry = format!("\"otel_context\"{space}:{context}");
        let payload = format!("\"otel_payload\":{space}7");
        let more = format!("{name}:{more}");
        let entries = match order {
            0 => [context_entry, payload, more],
            1 => [payload, context_entry, more],
            2 => [context_entry, more, payload],
            _ => [payload, more, context_entry],
        };
        let text = format!("{space}{{{}{space}}}", entries.join(","));
        let (fields, refused) = read_envelope(&text);
        prop_assert_eq!(read_carrier(&context), (fields.clone(), refused));

        // Where it is a value too, that has the same texts.
        let value = serde_json::from_str(&context);
        if let Ok(Value::Object(value)) = value {
            prop_assert!(refused > 0 || value.values().all(|value| value.is_string() || value.is_null()));
            for (name, kept) in &fields {
                let is_same = value[name] == **kept;
                // Of a name that stands there twice, the one may be no text.
                prop_assert!(is_same || refused > 0 || value[name].is_null());
            }
        } else {
            prop_assert!(value.is_err() || fields.is_empty());
        }
    }
}
