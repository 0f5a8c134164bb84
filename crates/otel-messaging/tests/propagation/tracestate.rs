//! `tracestate`, by W3C Trace Context Level 2, section 3.3.

use crate::lines::{GOOD, extract, inject, sender};
use crate::relay::within;
use crate::trace_context::mutated;
use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use proptest::prelude::*;

/// The tracestate that goes out where these lines came in; `None` for none.
fn relay(lines: &[&str]) -> Option<String> {
    let lines = lines.iter().map(|line| ("tracestate", *line));
    let lines: Vec<_> = [("traceparent", GOOD)].into_iter().chain(lines).collect();
    let context = extract(&lines);
    assert!(
        sender(&context).is_some(),
        "the traceparent counts: {lines:?}"
    );
    inject(&context).remove("tracestate")
}

fn members(count: usize) -> String {
    let members: Vec<_> = (0..count).map(|n| format!("k{n}=v{n}")).collect();
    members.join(",")
}

#[test]
fn what_the_specification_allows_travels() {
    let long_key = format!("{}=1", "k".repeat(256));
    let long_value = format!("k={}", "v".repeat(256));
    let full = members(32);
    for (section, header) in [
        ("one member", "rojo=00f067aa0ba902b7"),
        ("order is kept", "rojo=1,congo=2,a=3"),
        ("Key, first a letter or a digit", "a=1,0=2"),
        ("Key, keychar", "a_-*/z9=1"),
        ("Key, an @", "fw529a3039@dt=1"),
        ("Key, 256 characters", &long_key),
        ("Value, 256 characters", &long_value),
        ("Value, nblk-chr", "a=!\"#$%&'()*+-./:;<>?@[\\]^_`{|}~"),
        ("Value, leading and inner spaces", "a=  b c"),
        ("at most 32 members", &full),
    ] {
        assert_eq!(relay(&[header]).as_deref(), Some(header), "{section}");
    }
}

#[test]
fn white_space_and_empty_members_are_allowed() {
    for (lines, out) in [
        (&["a=1 , b=2\t,\tc=3"][..], Some("a=1,b=2,c=3")),
        (&[" a=1 "], Some("a=1")),
        (&["a=1,,b=2, ,"], Some("a=1,b=2")),
        (&[""], None),
        (&[" , \t,"], None),
        (&["a=1", "b=2"], Some("a=1,b=2")),
        (&["a=1", "", "b=2,c=3"], Some("a=1,b=2,c=3")),
    ] {
        assert_eq!(relay(lines).as_deref(), out, "{lines:?}");
    }
}

#[test]
fn an_invalid_one_is_dropped_and_the_traceparent_counts() {
    let many = members(33);
    let long_key = format!("{}=1", "k".repeat(257));
    let long_value = format!("k={}", "v".repeat(257));
    let large = format!("{}a=1", " ".repeat(8192));
    for (section, header) in [
        ("list-member", "a"),
        ("list-member", "a=1,b"),
        ("Key, not empty", "=1"),
        ("Key, lower case", "A=1"),
        ("Key, first character", "_a=1"),
        ("Key, first character", "@a=1"),
        ("Key, keychar", "a.b=1"),
        ("Key, no white space", "a =1"),
        ("Key, no white space", "a\tb=1"),
        ("Key, ASCII", "ä=1"),
        ("Key, 256 characters", &long_key),
        ("Value, not empty", "a="),
        ("Value, not all spaces", "a= "),
        ("Value, no =", "foo==a"),
        ("Value, no =", "foo=a=b"),
        ("Value, no control characters", "a=1\r\nevil: 2"),
        ("Value, no control characters", "a=\0"),
        ("Value, no control characters", "a=b\tc"),
        ("Value, no control characters", "a=\u{7f}"),
        ("Value, ASCII", "a=ü"),
        ("Value, 256 characters", &long_value),
        ("at most 32 members", &many),
        ("a limit of size", &large),
        ("what OpenTelemetry's type cannot hold", "a@b@c=1"),
        (
            "what OpenTelemetry's type cannot hold",
            "a@bcdefghijklmno=1",
        ),
    ] {
        assert_eq!(relay(&[header]), None, "{section}: {header:?}");
    }
}

/// The left-most entry is the newest one (section 3.3, "Combined Header Value").
#[test]
fn the_first_entry_of_a_key_counts_and_the_list_stays() {
    let mut twice = members(32);
    twice.push_str(",k0=older,k31=older");
    let once = members(32);
    for (lines, out) in [
        (&["foo=1,bar=2,foo=3"][..], "foo=1,bar=2"),
        (&["foo=1,foo=1"], "foo=1"),
        (&["foo=1,foo=2,foo=3,bar=1"], "foo=1,bar=1"),
        (&["foo=1", "foo=2"], "foo=1"),
        (&["a=1,b=2", "b=3,c=4", "a=5"], "a=1,b=2,c=4"),
        (&[&twice], &once),
    ] {
        assert_eq!(relay(lines).as_deref(), Some(out), "{lines:?}");
    }
    // An older entry that is malformed is malformed all the same.
    assert_eq!(relay(&["foo=1,bar=2,foo="]), None);
}

/// "tracestate Limits": 512 characters have to travel, optional white space included; 8,192 do.
#[test]
fn more_than_512_characters_travel() {
    let long: Vec<_> = (0..32)
        .map(|n| format!("key{n}={}", "v".repeat(200)))
        .collect();
    let long = long.join(",");
    assert!(long.len() > 512 && long.len() <= 8192);
    assert_eq!(relay(&[&long]), Some(long));
}

/// Section 3.3: whoever fails to parse the traceparent must not parse the tracestate.
#[test]
fn it_does_not_outlive_its_traceparent() {
    for traceparent in [&[][..], &[("traceparent", "00-bad")]] {
        let mut lines = traceparent.to_vec();
        lines.push(("tracestate", "a=1"));
        assert!(inject(&extract(&lines)).is_empty());
    }
}

#[test]
fn what_an_application_made_invalid_is_left_out() {
    let of = |members: &[(&str, &str)]| {
        let state = TraceState::from_key_value(members.iter().copied()).unwrap();
        let (trace_id, span_id) = (TraceId::from(1), SpanId::from(1));
        let span = SpanContext::new(trace_id, span_id, TraceFlags::SAMPLED, false, state);
        inject(&Context::new().with_remote_span_context(span)).remove("tracestate")
    };
    let crlf = of(&[("a", "1"), ("b", "\r\nx: y"), ("c", "")]);
    assert_eq!(crlf.as_deref(), Some("a=1"));
    assert_eq!(of(&[("a", "1"), ("a", "2")]).as_deref(), Some("a=1"));
    assert_eq!(of(&[("a", "\0")]), None);

    // No more than is read: all are of more than 128 characters, so the last ones go.
    let members: Vec<_> = (0..32)
        .map(|n| (format!("key{n:02}"), "v".repeat(256)))
        .collect();
    let members: Vec<_> = members
        .iter()
        .map(|(k, v)| (k.as_str(), v.as_str()))
        .collect();
    let out = of(&members).unwrap();
    assert!(out.len() <= 8192 && out.len() > 8192 - 263, "{}", out.len());
    assert_eq!(relay(&[&out]), Some(out));
}

/// "tracestate Limits": entries of more than 128 characters go first, then those at the end.
#[test]
fn a_list_that_is_too_long_loses_its_large_entries_first() {
    let entry = |key: &str, length: usize| format!("{key}={}", "v".repeat(length - key.len() - 1));
    let (large, small) = (entry("large", 129), entry("small", 128));
    let (a, b, c) = (entry("a", 20), entry("b", 20), entry("c", 20));
    let list = [&*a, &large, &b, &small, &c].join(",");
    let state = TraceState::from_key_value(
        list.split(',')
            .map(|member| member.split_once('=').expect("a member")),
    )
    .unwrap();
    let (trace_id, span_id) = (TraceId::from(1), SpanId::from(1));
    let span = SpanContext::new(trace_id, span_id, TraceFlags::SAMPLED, false, state);
    let context = Context::new().with_remote_span_context(span);
    let names = "traceparent".len() + 55 + "tracestate".len();
    for (room, kept) in [
        (321, &[&*a, &large, &b, &small, &c][..]),
        (320, &[&a, &b, &small, &c]),
        (191, &[&a, &b, &small, &c]),
        (190, &[&a, &b, &small]),
        (170, &[&a, &b, &small]),
        (169, &[&a, &b]),
        (41, &[&a, &b]),
        (40, &[&a]),
        (20, &[&a]),
        (19, &[]),
    ] {
        let expected = (!kept.is_empty()).then(|| kept.join(","));
        for (way, headers) in within(&context, names + room) {
            assert_eq!(headers.get("tracestate"), expected.as_ref(), "{room} {way}");
        }
    }

    // So it is at the limit of size.
    let mut members: Vec<_> = (0..31)
        .map(|n| entry(&format!("{}{n:02}", "k".repeat(50)), 300))
        .collect();
    members.push(entry("last", 20));
    let pairs = members.iter().filter_map(|member| member.split_once('='));
    let state = TraceState::from_key_value(pairs).unwrap();
    let span = SpanContext::new(trace_id, span_id, TraceFlags::SAMPLED, false, state);
    let out = inject(&Context::new().with_remote_span_context(span));
    let expected = [&members[..27], &members[31..]].concat().join(",");
    assert_eq!(out["tracestate"], expected);
}

proptest! {
    #[test]
    fn valid_members_travel_unchanged(
        members in prop::collection::btree_map(
            "[a-z0-9][a-z0-9_*/-]{0,20}", "[ -+--<>-~]{0,20}[!-+--<>-~]", 0..=32,
        ),
    ) {
        let members: Vec<_> = members.iter().map(|(k, v)| format!("{k}={v}")).collect();
        let header = members.join(",");
        let expected = (!header.is_empty()).then(|| header.clone());
        prop_assert_eq!(relay(&[&header]), expected);
    }

    #[test]
    fn it_travels_unchanged_or_not_at_all(
        header in prop_oneof![mutated("rojo=1,congo=2 , a@b=x".to_owned()), "\\PC{0,40}"],
    ) {
        if let Some(out) = relay(&[&header]) {
            let tidy = |list: &str| -> Vec<String> {
                let members = list.split(',').map(|member| member.trim_matches([' ', '\t']));
                members.filter(|member| !member.is_empty()).map(str::to_owned).collect()
            };
            let mut keys = Vec::new();
            let mut expected = tidy(&header);
            expected.retain(|member| {
                let key = member.split('=').next().map(str::to_owned);
                let is_new = !keys.contains(&key);
                keys.push(key);
                is_new
            });
            prop_assert_eq!(tidy(&out), expected);
            prop_assert_eq!(relay(&[&out]), Some(out));
        }
    }
}
