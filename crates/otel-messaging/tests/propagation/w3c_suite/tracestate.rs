//! The suite's tests of `tracestate`; [`cases`](super::cases) names the source.

use super::Expected::{Count, InOrder, OneOf};
use super::Since::{Level1, Strict};
use super::cases::{Test, has, has_not, named, request, state, test};

pub(super) fn tests() -> Vec<Test> {
    let three = || [has("foo", "1"), has("bar", "2"), has("baz", "3")];
    vec![
        test(
            "test_tracestate_included_traceparent_missing",
            Level1,
            vec![
                request(&[("tracestate", "foo=1")], [Count(0)]),
                request(&[("tracestate", "foo=1,bar=2")], [Count(0)]),
            ],
        ),
        test(
            "test_tracestate_included_traceparent_included",
            Level1,
            vec![state(&["foo=1,bar=2"], [has("foo", "1"), has("bar", "2")])],
        ),
        test(
            "test_tracestate_header_name",
            Level1,
            vec![
                named("trace-state", has_not("foo")),
                named("trace.state", has_not("foo")),
            ],
        ),
        test(
            "test_tracestate_header_name_valid_casing",
            Level1,
            vec![
                named("TraceState", has("foo", "1")),
                named("TrAcEsTaTe", has("foo", "1")),
                named("TRACESTATE", has("foo", "1")),
            ],
        ),
        test(
            "test_tracestate_empty_header",
            Level1,
            vec![
                state(&[""], []),
                state(&["foo=1", ""], [has("foo", "1")]),
                state(&["", "foo=1"], [has("foo", "1")]),
            ],
        ),
        test(
            "test_tracestate_multiple_headers_different_keys",
            Level1,
            vec![state(
                &["foo=1,bar=2", "rojo=1,congo=2", "baz=3"],
                [InOrder(vec![
                    "foo=1", "bar=2", "rojo=1", "congo=2", "baz=3",
                ])],
            )],
        ),
        test(
            "test_tracestate_duplicated_keys",
            Strict,
            vec![
                state(&["foo=1,foo=1"], [OneOf("foo", &["1"])]),
                state(&["foo=1,foo=2"], [OneOf("foo", &["1", "2"])]),
                state(&["foo=1", "foo=1"], [OneOf("foo", &["1"])]),
                state(&["foo=1", "foo=2"], [OneOf("foo", &["1", "2"])]),
            ],
        ),
        test("test_tracestate_all_allowed_characters", Level1, {
            let key = "abcdefghijklmnopqrstuvwxyz0123456789_-*/";
            let with_vendor = format!("{key}@a-z0-9_-*/");
            let value: String = (' '..='~').filter(|c| !matches!(c, ',' | '=')).collect();
            let keys = [key, &with_vendor];
            let each = keys.map(|key| state(&[&format!("{key}={value}")], [has(key, &value)]));
            each.into()
        }),
        test(
            "test_tracestate_ows_handling",
            Level1,
            vec![
                state(&["foo=1 \t , \t bar=2, \t baz=3"], three()),
                state(&["foo=1\t \t,\t \tbar=2,\t \tbaz=3"], three()),
                state(&[" foo=1"], [has("foo", "1")]),
                state(&["\tfoo=1"], [has("foo", "1")]),
                state(&["foo=1 "], [has("foo", "1")]),
                state(&["foo=1\t"], [has("foo", "1")]),
                state(&["\t foo=1 \t"], [has("foo", "1")]),
            ],
        ),
    ]
}

pub(super) fn strict_tests() -> Vec<Test> {
    let numbered = |numbers: std::ops::RangeInclusive<usize>| {
        let members = numbers.map(|n| format!("bar{n:02}={n:02}"));
        members.collect::<Vec<_>>().join(",")
    };
    let tens = [numbered(1..=10), numbered(11..=20), numbered(21..=30)];
    let [first, second, third] = tens.each_ref().map(String::as_str);
    let (z256, z257) = ("z".repeat(256), "z".repeat(257));
    let vendor_14 = format!("{}@{}", "t".repeat(241), "v".repeat(14));
    let vendor_1 = format!("{}@v", "t".repeat(242));
    let vendor_15 = format!("t@{}", "v".repeat(15));
    let beside_foo = |key: &str| {
        state(
            &["foo=1", &format!("{key}=1")],
            [has("foo", "1"), has(key, "1")],
        )
    };
    let beside_bar = |key: &str| {
        state(
            &[&format!("{key}=1,bar=2")],
            [has(key, "1"), has("bar", "2")],
        )
    };
    vec![
        test(
            "test_tracestate_key_illegal_characters",
            Strict,
            vec![
                state(&["foo =1"], [has_not("foo ")]),
                state(&["FOO=1"], [has_not("FOO")]),
                state(&["foo.bar=1"], [has_not("foo.bar")]),
            ],
        ),
        test(
            "test_tracestate_key_illegal_vendor_format",
            Strict,
            vec![
                beside_bar("foo@"),
                state(&["@foo=1,bar=2"], [has_not("bar")]),
                beside_bar("foo@@bar"),
                beside_bar("foo@bar@baz"),
            ],
        ),
        test(
            "test_tracestate_member_count_limit",
            Strict,
            vec![
                state(
                    &[first, second, third, "bar31=31,bar32=32"],
                    [has("bar01", "01"), Count(32)],
                ),
                state(
                    &[first, second, third, "bar31=31,bar32=32,bar33=33"],
                    [has_not("bar01")],
                ),
            ],
        ),
        test(
            "test_tracestate_key_length_limit",
            Strict,
            vec![
                beside_foo(&z256),
                state(&["foo=1", &format!("{z257}=1")], [has_not("foo")]),
                beside_foo(&vendor_14),
                beside_foo(&vendor_1),
                beside_foo(&vendor_15),
            ],
        ),
        test(
            "test_tracestate_value_illegal_characters",
            Strict,
            vec![
                state(&["foo=bar=baz"], [has_not("foo")]),
                state(&["foo=,bar=3"], [has_not("foo"), has_not("bar")]),
            ],
        ),
    ]
}
