//! The limits of W3C Baggage, on the way in and on the way out.

use crate::baggage::{extract_lines, relay, value};
use crate::lines::inject;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::{Context, KeyValue};

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
    let dropped = otel_messaging::loss::dropped_fields();
    assert_eq!(inject(&context)["baggage"], "a=1,c=3");
    assert!(otel_messaging::loss::dropped_fields() > dropped);
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
