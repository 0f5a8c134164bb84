//! `baggage`, by W3C Baggage.

use crate::lines::{Lines, extract, inject};
use opentelemetry::baggage::{Baggage, BaggageExt};
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::{Context, KeyValue};
use otel_messaging::propagation::BaggagePropagator;
use proptest::prelude::*;

fn extract_lines(lines: &[&str]) -> Context {
    let lines: Vec<_> = lines.iter().map(|line| ("baggage", *line)).collect();
    extract(&lines)
}

fn relay(lines: &[&str]) -> Option<String> {
    inject(&extract_lines(lines)).remove("baggage")
}

fn value(header: &str, key: &str) -> Option<String> {
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

/// As Java's and Go's readers do: there is nothing between the semicolons that could be lost.
#[test]
fn empty_properties_are_passed_over() {
    for (header, out) in [
        ("tenant=acme;", "tenant=acme"),
        ("key =v ; ", "key=v"),
        ("a=1;;", "a=1"),
        ("a=1; \t;\t ; ", "a=1"),
        ("a=1;;p", "a=1;p"),
        ("a=1;p;", "a=1;p"),
        ("a=1;p;;q=2; ;r", "a=1;p;q=2;r"),
        ("a=;", "a="),
        ("a=1;p=", "a=1;p="),
        (";,a=1", "a=1"),
        ("a=1,", "a=1"),
        (",,a=1,,b=2 , ,", "a=1,b=2"),
        ("a=1;,b=2", "a=1,b=2"),
    ] {
        assert_eq!(relay(&[header]).as_deref(), Some(out), "{header:?}");
        let (key, _) = out.split_once('=').expect("a member");
        assert!(value(header, key).is_some(), "{header:?}");
    }
}

/// Java's and JavaScript's readers keep the value. What the property says cannot be sent on.
#[test]
fn a_malformed_property_is_left_out_and_its_member_counts() {
    for (header, out) in [
        ("a=1;=2", "a=1"),
        ("a=1;p q", "a=1"),
        ("a=1;p q;r=2", "a=1;r=2"),
        ("a=1;r=2;p=\"x\"", "a=1;r=2"),
        ("a=1;p=\r\nevil: 1", "a=1"),
        ("a=1;p=ü;q", "a=1;q"),
        ("a=1;(p)=2", "a=1"),
        ("a=1;p=\0,b=2", "a=1,b=2"),
    ] {
        let refused = otel_messaging::refused_fields();
        assert_eq!(relay(&[header]).as_deref(), Some(out), "{header:?}");
        assert!(otel_messaging::refused_fields() > refused, "{header:?}");
        assert_eq!(value(header, "a").as_deref(), Some("1"), "{header:?}");
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

/// "Limits": 64 members and 8,192 bytes, encoded; what comes first counts.
#[test]
fn the_limits_on_the_way_in() {
    let many: Vec<_> = (0..70).map(|n| format!("k{n:02}={n}")).collect();
    assert_eq!(relay(&[&many.join(",")]), Some(many[..64].join(",")));

    let exact = format!("a={},b=1", "x".repeat(8192 - 6));
    assert_eq!(exact.len(), 8192);
    assert_eq!(relay(&[&exact]), Some(exact));
    let over = format!("a={},b=1", "x".repeat(8193 - 6));
    assert_eq!(relay(&[&over]).as_deref(), over.strip_suffix(",b=1"));
    // Encoded, though a third of it is what the value says.
    let encoded = format!("a=1,b={}", "%41".repeat(2730));
    assert_eq!(relay(&[&encoded]).as_deref(), Some("a=1"));
}

/// 64 keys, whatever how often each stands there.
#[test]
fn the_last_value_of_a_key_counts_however_often_it_stands_there() {
    let list = |keys: usize, times: usize| -> String {
        let members =
            (0..times).flat_map(|time| (0..keys).map(move |key| format!("k{key}={time}")));
        members.collect::<Vec<_>>().join(",")
    };
    assert_eq!(value(&list(1, 65), "k0").as_deref(), Some("64"));
    assert_eq!(value(&list(1, 5000), "k0").as_deref(), Some("4999"));
    for (keys, times) in [(2, 33), (63, 2), (64, 2), (64, 100)] {
        let context = extract_lines(&[&list(keys, times)]);
        assert_eq!(context.baggage().len(), keys);
        for (_, (value, _)) in context.baggage() {
            assert_eq!(value.as_str(), (times - 1).to_string(), "{keys} {times}");
        }
    }
    // Behind the limit a known key counts, a new one does not.
    let context = extract_lines(&[&list(64, 1), "new=1,k7=last"]);
    assert_eq!(context.baggage().len(), 64);
    assert_eq!(context.baggage().get("k7").unwrap().as_str(), "last");
    assert_eq!(context.baggage().get("new"), None);

    // An earlier value leaves its room.
    let large = format!("a={},b=1", "x".repeat(5000));
    let header = [large.as_str(), &large, "a=y", &large].join(",");
    assert_eq!(relay(&[&header]), Some(large));
    // What the last value says is what counts, or nothing.
    let header = format!("a=1,b=2,a={}", "x".repeat(9000));
    assert_eq!(relay(&[&header]).as_deref(), Some("b=2"));
}

/// It is not what the baggage says, and Java's and Go's clients write it.
#[test]
fn white_space_does_not_count_towards_the_limit() {
    let space = |length: usize| " \t".repeat(length / 2);
    let (many, few) = (space(20_000), space(150));
    for (header, out) in [
        (format!("{many}a=1,b=2"), "a=1,b=2"),
        (format!("a=1{many},b=2"), "a=1,b=2"),
        (format!("a{many}=1,b=2"), "a=1,b=2"),
        (format!("a={many}1,b=2"), "a=1,b=2"),
        (format!("a=1;{many}p,b=2"), "a=1;p,b=2"),
        (format!("a=1;p{many}=x,b=2"), "a=1;p=x,b=2"),
        (format!("a=1;p={many}x;q,b=2"), "a=1;p=x;q,b=2"),
        (format!("a=1;p=x{many};q,b=2"), "a=1;p=x;q,b=2"),
        (format!("{many},a=1,{many},b=2,{many}"), "a=1,b=2"),
        (format!("a=1{},b=2", ",".repeat(20_000)), "a=1,b=2"),
    ] {
        assert_eq!(relay(&[&header]).as_deref(), Some(out));
    }
    let full: Vec<_> = (0..64)
        .map(|n| format!("k{n:02}={}", "x".repeat(123)))
        .collect();
    assert_eq!(full.join(",").len(), 8191);
    let spaced = full
        .join(&format!("{few},{few}"))
        .replace('=', &format!("{few}={few}"));
    assert_eq!(relay(&[&spaced]), Some(full.join(",")));
}

/// A member that does not fit goes alone, wherever it stands.
#[test]
fn a_member_that_is_too_large_goes_alone_on_the_way_in() {
    let large = format!("b={}", "x".repeat(9000));
    for header in [
        format!("a=1,{large},c=3"),
        format!("{large},a=1,c=3"),
        format!("a=1,c=3,{large}"),
    ] {
        assert_eq!(relay(&[&header]).as_deref(), Some("a=1,c=3"));
    }
    let property = format!("a=1,b=2;p={},c=3", "x".repeat(9000));
    assert_eq!(relay(&[&property]).as_deref(), Some("a=1,c=3"));
}

#[test]
fn the_limits_on_the_way_out() {
    // Within OpenTelemetry's own limit, which counts before encoding.
    let context = Context::new().with_baggage([
        KeyValue::new("a", "1"),
        KeyValue::new("b", "ü".repeat(2000)),
        KeyValue::new("c", "3"),
    ]);
    // The member that grew beyond the limit goes alone.
    let dropped = otel_messaging::dropped_fields();
    assert_eq!(inject(&context)["baggage"], "a=1,c=3");
    assert!(otel_messaging::dropped_fields() > dropped);
    let percent = format!("a=1,b={},c=3", "%".repeat(4000));
    assert_eq!(relay(&[&percent]).as_deref(), Some("a=1,c=3"));
}

/// OpenTelemetry's own type holds no more than are written, so none has to be chosen.
#[test]
fn no_context_has_more_than_64_members() {
    let keys = || (0..200).map(|n| KeyValue::new(format!("k{n:03}"), "1"));
    let context = Context::new().with_baggage(keys().collect::<Vec<_>>());
    assert_eq!(context.baggage().len(), 64);
    let first: Vec<_> = (0..64).map(|n| format!("k{n:03}=1")).collect();
    assert_eq!(inject(&context)["baggage"], first.join(","));
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
