//! The suite's inputs and expectations.
//!
//! Source: <https://github.com/w3c/trace-context>, `test/test.py` at commit acab820, which the W3C
//! publishes under its Software and Document License. A test has the name that it has there.

use super::Expected::{
    self, Count, Has, HasNot, InOrder, NotTrace, OneOf, ParentNot, Random, Trace,
};
use super::Since::{self, Level1, Level2, Strict};

/// One test of the suite.
pub(super) struct Test {
    pub(super) name: &'static str,
    pub(super) since: Since,
    /// How many messages the service sends for each request.
    pub(super) callbacks: usize,
    pub(super) requests: Vec<Request>,
}

/// The headers of a request, and what holds for what is sent on.
pub(super) struct Request {
    pub(super) lines: Vec<(&'static str, String)>,
    pub(super) expected: Vec<Expected>,
}

const ID: &str = "12345678901234567890123456789012";
const PARENT: &str = "1234567890123456";
const SAMPLED: &str = "00-12345678901234567890123456789012-1234567890123456-01";
const UNSAMPLED: &str = "00-12345678901234567890123456789012-1234567890123456-00";

fn test(name: &'static str, since: Since, requests: Vec<Request>) -> Test {
    let callbacks = 1;
    Test {
        name,
        since,
        callbacks,
        requests,
    }
}

fn thrice(name: &'static str, requests: Vec<Request>) -> Test {
    let callbacks = 3;
    Test {
        callbacks,
        ..test(name, Level1, requests)
    }
}

fn request<const N: usize>(lines: &[(&'static str, &str)], expected: [Expected; N]) -> Request {
    let lines = lines
        .iter()
        .map(|(name, value)| (*name, (*value).to_owned()));
    Request {
        lines: lines.collect(),
        expected: expected.into(),
    }
}

/// Each of these headers starts a trace anew.
fn refused(headers: &[&str]) -> Vec<Request> {
    let headers = headers.iter();
    headers
        .map(|header| request(&[("traceparent", header)], [NotTrace(ID)]))
        .collect()
}

/// Each of these headers is read.
fn read(headers: &[(&'static str, &str)]) -> Vec<Request> {
    let headers = headers.iter();
    headers
        .map(|header| request(&[*header], [Trace(ID)]))
        .collect()
}

/// Behind a traceparent, these lines of tracestate.
fn state<const N: usize>(lines: &[&str], expected: [Expected; N]) -> Request {
    let lines = lines.iter().map(|line| ("tracestate", *line));
    let lines: Vec<_> = [("traceparent", UNSAMPLED)]
        .into_iter()
        .chain(lines)
        .collect();
    let mut request = request(&lines, expected);
    request.expected.push(Trace(ID));
    request
}

/// The tracestate, by another name of the header.
fn named(name: &'static str, expected: Expected) -> Request {
    request(&[("traceparent", UNSAMPLED), (name, "foo=1")], [expected])
}

fn has(key: &str, value: &str) -> Expected {
    Has(key.to_owned(), value.to_owned())
}

fn has_not(key: &str) -> Expected {
    HasNot(key.to_owned())
}

pub(super) fn tests() -> Vec<Test> {
    let mut tests = of_traceparent();
    tests.extend(of_tracestate());
    tests.extend(of_keys_and_values());
    tests.extend(advanced());
    tests
}

fn of_traceparent() -> Vec<Test> {
    let id = "1234567890123456789012345678901";
    vec![
        test(
            "test_both_traceparent_and_tracestate_missing",
            Level1,
            vec![request(&[], [])],
        ),
        test(
            "test_traceparent_included_tracestate_missing",
            Level1,
            vec![request(
                &[("traceparent", SAMPLED)],
                [Trace(ID), ParentNot(PARENT)],
            )],
        ),
        test(
            "test_traceparent_duplicated",
            Level1,
            vec![request(
                &[
                    (
                        "traceparent",
                        "00-12345678901234567890123456789011-1234567890123456-01",
                    ),
                    ("traceparent", SAMPLED),
                ],
                [NotTrace("12345678901234567890123456789011"), NotTrace(ID)],
            )],
        ),
        test(
            "test_traceparent_header_name",
            Level1,
            vec![
                request(&[("trace-parent", SAMPLED)], [NotTrace(ID)]),
                request(&[("trace.parent", SAMPLED)], [NotTrace(ID)]),
            ],
        ),
        test(
            "test_traceparent_header_name_valid_casing",
            Level1,
            read(&[
                ("TraceParent", SAMPLED),
                ("TrAcEpArEnT", SAMPLED),
                ("TRACEPARENT", SAMPLED),
            ]),
        ),
        test(
            "test_traceparent_version_0x00",
            Level1,
            refused(&[
                &format!("{SAMPLED}."),
                &format!("{SAMPLED}-what-the-future-will-be-like"),
            ]),
        ),
        test("test_traceparent_version_0xcc", Level1, {
            let later = SAMPLED.replacen("00", "cc", 1);
            let mut requests = read(&[
                ("traceparent", &later),
                (
                    "traceparent",
                    &format!("{later}-what-the-future-will-be-like"),
                ),
            ]);
            requests.extend(refused(&[&format!("{later}.what-the-future-will-be-like")]));
            requests
        }),
        test(
            "test_traceparent_version_0xff",
            Level1,
            refused(&[&SAMPLED.replacen("00", "ff", 1)]),
        ),
        test(
            "test_traceparent_version_illegal_characters",
            Level1,
            refused(&[
                &SAMPLED.replacen("00", ".0", 1),
                &SAMPLED.replacen("00", "0.", 1),
            ]),
        ),
        test(
            "test_traceparent_version_too_long",
            Level1,
            refused(&[
                &SAMPLED.replacen("00", "000", 1),
                &SAMPLED.replacen("00", "0000", 1),
            ]),
        ),
        test(
            "test_traceparent_version_too_short",
            Level1,
            refused(&[&SAMPLED.replacen("00", "0", 1)]),
        ),
        test(
            "test_traceparent_trace_id_all_zero",
            Level1,
            vec![request(
                &[(
                    "traceparent",
                    &SAMPLED.replace(ID, "00000000000000000000000000000000"),
                )],
                [NotTrace("00000000000000000000000000000000")],
            )],
        ),
        test(
            "test_traceparent_trace_id_illegal_characters",
            Level1,
            vec![
                request(
                    &[(
                        "traceparent",
                        &SAMPLED.replace(ID, ".2345678901234567890123456789012"),
                    )],
                    [NotTrace(".2345678901234567890123456789012")],
                ),
                request(
                    &[(
                        "traceparent",
                        &SAMPLED.replace(ID, "1234567890123456789012345678901."),
                    )],
                    [NotTrace("1234567890123456789012345678901.")],
                ),
            ],
        ),
        test(
            "test_traceparent_trace_id_too_long",
            Level1,
            vec![request(
                &[(
                    "traceparent",
                    &SAMPLED.replace(ID, "123456789012345678901234567890123"),
                )],
                [
                    NotTrace("123456789012345678901234567890123"),
                    NotTrace(ID),
                    NotTrace("23456789012345678901234567890123"),
                ],
            )],
        ),
        test(
            "test_traceparent_trace_id_too_short",
            Level1,
            vec![request(
                &[("traceparent", &SAMPLED.replace(ID, id))],
                [NotTrace("1234567890123456789012345678901")],
            )],
        ),
        test(
            "test_traceparent_parent_id_all_zero",
            Level1,
            refused(&["00-12345678901234567890123456789012-0000000000000000-01"]),
        ),
        test(
            "test_traceparent_parent_id_illegal_characters",
            Level1,
            refused(&[
                "00-12345678901234567890123456789012-.234567890123456-01",
                "00-12345678901234567890123456789012-123456789012345.-01",
            ]),
        ),
        test(
            "test_traceparent_parent_id_too_long",
            Level1,
            refused(&["00-12345678901234567890123456789012-12345678901234567-01"]),
        ),
        test(
            "test_traceparent_parent_id_too_short",
            Level1,
            refused(&["00-12345678901234567890123456789012-123456789012345-01"]),
        ),
        test(
            "test_traceparent_trace_flags_illegal_characters",
            Level1,
            refused(&[
                "00-12345678901234567890123456789012-1234567890123456-.0",
                "00-12345678901234567890123456789012-1234567890123456-0.",
            ]),
        ),
        test(
            "test_traceparent_trace_flags_too_long",
            Level1,
            refused(&["00-12345678901234567890123456789012-1234567890123456-001"]),
        ),
        test(
            "test_traceparent_trace_flags_too_short",
            Level1,
            refused(&["00-12345678901234567890123456789012-1234567890123456-1"]),
        ),
        test(
            "test_traceparent_ows_handling",
            Level1,
            read(&[
                ("traceparent", &format!(" {SAMPLED}")),
                ("traceparent", &format!("\t{SAMPLED}")),
                ("traceparent", &format!("{SAMPLED} ")),
                ("traceparent", &format!("{SAMPLED}\t")),
                ("traceparent", &format!("\t {SAMPLED} \t")),
            ]),
        ),
    ]
}

fn of_tracestate() -> Vec<Test> {
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

fn of_keys_and_values() -> Vec<Test> {
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

fn advanced() -> Vec<Test> {
    let zero = "00000000000000000000000000000000";
    vec![
        thrice(
            "test_multiple_requests_with_valid_traceparent",
            read(&[("traceparent", SAMPLED)]),
        ),
        thrice(
            "test_multiple_requests_without_traceparent",
            vec![request(&[], [])],
        ),
        thrice(
            "test_multiple_requests_with_illegal_traceparent",
            vec![request(
                &[("traceparent", &SAMPLED.replace(ID, zero))],
                [NotTrace("00000000000000000000000000000000")],
            )],
        ),
        test(
            "test_propagates_random_flag",
            Level2,
            vec![request(
                &[(
                    "traceparent",
                    "00-12345678901234567890123456789012-1234567890123456-02",
                )],
                [Trace(ID), ParentNot(PARENT), Random(true)],
            )],
        ),
    ]
}
