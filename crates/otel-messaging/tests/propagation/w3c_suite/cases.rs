//! The suite's inputs and expectations.
//!
//! Source: <https://github.com/w3c/trace-context>, `test/test.py` at commit acab820, which the W3C
//! publishes under its 3-clause BSD License. A test has the name that it has there.

use super::Expected::{self, Has, HasNot, NotTrace, ParentNot, Random, Trace};
use super::Since::{self, Level1, Level2};
use super::{traceparent, tracestate};

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

pub(super) const ID: &str = "12345678901234567890123456789012";
pub(super) const PARENT: &str = "1234567890123456";
pub(super) const SAMPLED: &str = "00-12345678901234567890123456789012-1234567890123456-01";
const UNSAMPLED: &str = "00-12345678901234567890123456789012-1234567890123456-00";

pub(super) fn test(name: &'static str, since: Since, requests: Vec<Request>) -> Test {
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

pub(super) fn request<const N: usize>(
    lines: &[(&'static str, &str)],
    expected: [Expected; N],
) -> Request {
    let lines = lines
        .iter()
        .map(|(name, value)| (*name, (*value).to_owned()));
    Request {
        lines: lines.collect(),
        expected: expected.into(),
    }
}

/// Each of these headers starts a trace anew.
pub(super) fn refused(headers: &[&str]) -> Vec<Request> {
    let headers = headers.iter();
    headers
        .map(|header| request(&[("traceparent", header)], [NotTrace(ID)]))
        .collect()
}

/// Each of these headers is read.
pub(super) fn read(headers: &[(&'static str, &str)]) -> Vec<Request> {
    let headers = headers.iter();
    headers
        .map(|header| request(&[*header], [Trace(ID)]))
        .collect()
}

/// Behind a traceparent, these lines of tracestate.
pub(super) fn state<const N: usize>(lines: &[&str], expected: [Expected; N]) -> Request {
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
pub(super) fn named(name: &'static str, expected: Expected) -> Request {
    request(&[("traceparent", UNSAMPLED), (name, "foo=1")], [expected])
}

pub(super) fn has(key: &str, value: &str) -> Expected {
    Has(key.to_owned(), value.to_owned())
}

pub(super) fn has_not(key: &str) -> Expected {
    HasNot(key.to_owned())
}

pub(super) fn tests() -> Vec<Test> {
    let mut tests = traceparent::tests();
    tests.extend(tracestate::tests());
    tests.extend(tracestate::strict_tests());
    tests.extend(advanced());
    tests
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
