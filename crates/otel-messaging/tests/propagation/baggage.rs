//! `baggage`, by W3C Baggage.

use crate::lines::{Lines, extract, inject};
use opentelemetry::baggage::{Baggage, BaggageExt};
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::{Context, KeyValue};
use otel_messaging::propagation::BaggagePropagator;
use proptest::prelude::*;

pub(crate) fn extract_lines(lines: &[&str]) -> Context {
    let lines: Vec<_> = lines.iter().map(|line| ("baggage", *line)).collect();
    extract(&lines)
}

pub(crate) fn relay(lines: &[&str]) -> Option<String> {
    inject(&extract_lines(lines)).remove("baggage")
}

pub(crate) fn value(header: &str, key: &str) -> Option<String> {
    let context = extract_lines(&[header]);
    context.baggage().get(key).map(|value| value.to_string())
}

/// In the order of keys, without optional white space, each value as it was.
#[test]
fn what_the_specification_allows_travels() {
    for (section, header, out) in [
        ("list-member", "userId=alice", "userId=alice"),
        ("value, encoded", "a=DF%2028", "a=DF%2028"),
        ("value, empty", "a=", "a="),
        ("value, with =", "a=b=c==", "a=b=c=="),
        (
            "value, every octet",
            "a=!#$&'()*+-./:<=>?@[]^_`{|}~",
            "a=!#$&'()*+-./:<=>?@[]^_`{|}~",
        ),
        ("key, a token", "!#$%&'*+-.^_`|~=1", "!#$%&'*+-.^_`|~=1"),
        ("key, never decoded", "a%20b=1", "a%20b=1"),
        ("properties", "a=1;p;q=2;r=x=y", "a=1;p;q=2;r=x=y"),
        (
            "properties, as they came",
            "a=1;p=%2Cevil%0D%0A",
            "a=1;p=%2Cevil%0D%0A",
        ),
        ("properties, as they came", "a=1; p = 2 ;q", "a=1;p = 2 ;q"),
        ("properties, a tab", "a=1;p\t=2\t;q", "a=1;p =2 ;q"),
        ("OWS", " a = 1 \t,\tb=2", "a=1,b=2"),
        ("several members", "c=3,a=1,b=2", "a=1,b=2,c=3"),
        ("a key twice, the last counts", "a=1,a=2", "a=2"),
        (
            "% stands for itself where no digits follow",
            "a=100%",
            "a=100%25",
        ),
        (
            "% stands for itself where no digits follow",
            "a=%zz%4",
            "a=%25zz%254",
        ),
        ("value, lower-case digits", "a=%c3%a4", "a=%C3%A4"),
    ] {
        assert_eq!(relay(&[header]).as_deref(), Some(out), "{section}");
    }
    assert_eq!(
        relay(&["b=2", "a=1", "", "c=3,d=4"]).as_deref(),
        Some("a=1,b=2,c=3,d=4")
    );
}

#[test]
fn values_are_decoded_once_as_utf8() {
    for (header, expected) in [
        ("a=DF%2028", "DF 28"),
        ("a=%2525", "%25"),
        ("a=%C3%A4", "ä"),
        ("a=a%FFb", "a\u{fffd}b"),
        ("a=%E2%82", "\u{fffd}"),
        ("a=x+y", "x+y"),
        ("a=%00%0D%0A", "\0\r\n"),
        ("a=%20b%20", " b "),
    ] {
        assert_eq!(value(header, "a").as_deref(), Some(expected), "{header}");
    }
}

#[test]
fn invalid_members_are_skipped_one_by_one() {
    for bad in [
        "novalue",
        "=1",
        "a b=1",
        "a,b",
        "(a)=1",
        "ä=1",
        "a=b c",
        "a=\"b\"",
        "a=b\\c",
        "a=ü",
        "a=1\r\nevil: 2",
        "a=\0",
    ] {
        let header = format!("first=1,{bad},last=2");
        assert_eq!(
            relay(&[&header]).as_deref(),
            Some("first=1,last=2"),
            "{bad:?}"
        );
        assert_eq!(
            relay(&[bad, "last=2"]).as_deref(),
            Some("last=2"),
            "{bad:?}"
        );
    }
}

#[test]
fn what_is_in_the_context_survives_a_missing_or_malformed_header() {
    let context = Context::new().with_baggage([KeyValue::new("kept", "1")]);
    for lines in [&[][..], &[("baggage", "")], &[("baggage", "@@@,a b=1,=")]] {
        let extracted = BaggagePropagator::new().extract_with_context(&context, &Lines::of(lines));
        assert_eq!(extracted.baggage().len(), 1, "{lines:?}");
    }
}

#[test]
fn everything_else_is_encoded_on_the_way_out() {
    let value = " \"%,;\\\r\n\0\u{7f}ä🦀+=";
    let context = Context::new().with_baggage([KeyValue::new("a", value)]);
    assert_eq!(
        inject(&context)["baggage"],
        "a=%20%22%25%2C%3B%5C%0D%0A%00%7F%C3%A4%F0%9F%A6%80+="
    );
}

/// Written as they are, they would be members or headers of their own.
#[test]
fn a_member_whose_properties_are_malformed_is_left_out() {
    for bad in ["p=,evil=1", "p\r\nx: y", "p q", "\u{7f}", "p=ü"] {
        let mut baggage = Baggage::new();
        baggage.insert_with_metadata("a", "1", bad);
        baggage.insert_with_metadata("b", "2", "p=1;q");
        let context = Context::new().with_baggage(baggage);
        assert_eq!(inject(&context)["baggage"], "b=2;p=1;q", "{bad:?}");
    }
}

#[test]
fn nothing_is_written_where_there_is_nothing() {
    assert!(inject(&Context::new()).is_empty());
    assert!(inject(&Context::new().with_cleared_baggage()).is_empty());
    let mut baggage = Baggage::new();
    baggage.insert_with_metadata("a", "1", "\n");
    baggage.insert_with_metadata("a", "1", "p q");
    assert!(inject(&Context::new().with_baggage(baggage)).is_empty());
}

proptest! {
    #[test]
    fn any_value_survives(
        members in prop::collection::btree_map("[!#-'*+.0-9A-Z^-z|~-]{1,9}", "\\PC{0,20}|[\\x00-\\x7f]{0,9}", 1..20),
    ) {
        let entries = members.iter().map(|(key, value)| KeyValue::new(key.clone(), value.clone()));
        let context = Context::new().with_baggage(entries.collect::<Vec<_>>());
        let header = inject(&context).remove("baggage").unwrap();
        prop_assert!(header.bytes().all(|byte| byte.is_ascii_graphic()));
        let again = extract_lines(&[&header]);
        prop_assert_eq!(again.baggage().len(), members.len());
        for (key, value) in &members {
            prop_assert_eq!(again.baggage().get(key).unwrap().as_str(), value);
        }
    }

    #[test]
    fn relaying_twice_is_relaying_once(header in "[ -~]{0,300}|(a|b|,|;|=|%| ){0,40}|\\PC{0,60}") {
        if let Some(once) = relay(&[&header]) {
            prop_assert!(once.len() <= 8192);
            let read = |header: &str| -> std::collections::BTreeMap<String, (String, String)> {
                let context = extract_lines(&[header]);
                let members = context.baggage().iter();
                members.map(|(k, (v, p))| (k.to_string(), (v.to_string(), p.to_string()))).collect()
            };
            prop_assert_eq!(read(&once), read(&header));
            prop_assert_eq!(relay(&[&once]), Some(once));
        }
    }
}
