//! The context that a message keeps when it is forwarded: the spelling of a name that is missing.

use crate::headers::PER_HEADER;
use crate::injection::left_beside;
use crate::spelled::canonical;
use crate::spelling::{DISABLED, Spelling, TRACEPARENT, text};
use async_nats::header::{HeaderMap, HeaderName, HeaderValue};
use otel_messaging::{CarrierError, Instrumentation, count_dropped_fields};

/// Adds the spelling that is missing to the headers of a message that keeps its context: beside
/// title case the propagator's own, and with [`Spelling::Both`] title case beside that. All that is
/// missing, or nothing where that does not fit into the room.
pub(crate) fn complete(
    spelling: Spelling,
    headers: &mut HeaderMap,
    by: &Instrumentation,
    room: usize,
) {
    let may_be_title = |key: &str| {
        key.starts_with(|first: char| first.is_ascii_uppercase()) && !key.starts_with("Nats-")
    };
    let is_needed = match spelling {
        Spelling::AsReceived => headers.iter().any(|(key, _)| may_be_title(text(key))),
        Spelling::Lower => false,
        Spelling::Both => true,
    };
    if is_needed {
        add_missing(spelling, headers, by, room);
    }
}

#[cold]
fn add_missing(spelling: Spelling, headers: &mut HeaderMap, by: &Instrumentation, room: usize) {
    let [lower, title] = [TRACEPARENT, "Traceparent"].map(|name| exact(headers, name));
    if lower.is_some() && title.is_some() && lower != title {
        // Two hops of one trace: what stands in one spelling belongs to one of them.
        return;
    }
    let mut missing: Vec<(HeaderName, Vec<HeaderValue>)> = Vec::new();
    by.each_field(|field| {
        let canonical = canonical(field);
        let [own, title] = [field, &*canonical].map(|name| exact(headers, name));
        let disabled = || exact(headers, DISABLED).filter(|_| field == TRACEPARENT);
        let Some(values) = own.or(title).or_else(disabled) else {
            return;
        };
        let mut add = |name: &str| {
            let name = name.parse().ok();
            missing.extend(name.map(|name| (name, values.to_vec())));
        };
        if own.is_none() {
            add(field);
        }
        if title.is_none() && canonical != field && spelling == Spelling::Both {
            add(&canonical);
        }
    });
    let sizes = missing.iter().flat_map(|(name, values)| {
        let size = |value: &HeaderValue| text(name).len() + value.as_str().len() + PER_HEADER;
        values.iter().map(size)
    });
    if left_beside(headers, room).is_none_or(|left| sizes.sum::<usize>() > left) {
        count_dropped_fields(missing.len() as u64, CarrierError::TooLarge);
        return;
    }
    for (name, values) in missing {
        for value in values {
            headers.append(name.clone(), value);
        }
    }
}

/// What stands under exactly this name.
fn exact<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a [HeaderValue]> {
    let mut named = headers.iter().filter(|(key, _)| text(key) == name);
    named.next().map(|(_, values)| &**values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::headers::wire_size;

    /// What came in title case alone, by what else and by the setting.
    #[test]
    fn a_context_that_is_kept_gets_the_spelling_that_is_missing() {
        type Lines<'a> = &'a [(&'a str, &'a str)];
        let (as_received, both) = (Spelling::AsReceived, Spelling::Both);
        let cases: [(Spelling, Lines<'_>, Lines<'_>); 13] = [
            (
                as_received,
                &[("Traceparent", "1"), ("Baggage", "a=1"), ("Order", "7")],
                &[("traceparent", "1"), ("baggage", "a=1")],
            ),
            (
                as_received,
                &[
                    ("traceparent", "1"),
                    ("Traceparent", "1"),
                    ("Tracestate", "a=1"),
                ],
                &[("tracestate", "a=1")],
            ),
            (
                as_received,
                &[("Traceparent", "1"), ("Baggage", "a=1"), ("Baggage", "b=1")],
                &[("traceparent", "1"), ("baggage", "a=1"), ("baggage", "b=1")],
            ),
            // Two hops: what each has is its own.
            (
                as_received,
                &[
                    ("traceparent", "1"),
                    ("Traceparent", "2"),
                    ("Baggage", "a=1"),
                ],
                &[],
            ),
            (
                as_received,
                &[("Xraceparent", "1")],
                &[("traceparent", "1")],
            ),
            (
                as_received,
                &[("Xraceparent", "1"), ("traceparent", "2")],
                &[],
            ),
            (
                as_received,
                &[("traceparent", "1"), ("baggage", "a=1")],
                &[],
            ),
            (as_received, &[("TRACEPARENT", "1")], &[]),
            (as_received, &[("Nats-Msg-Id", "1"), ("B3", "1")], &[]),
            (Spelling::Lower, &[("Traceparent", "1")], &[]),
            (both, &[("Traceparent", "1")], &[("traceparent", "1")]),
            (both, &[("traceparent", "1")], &[("Traceparent", "1")]),
            (
                both,
                &[("Xraceparent", "1")],
                &[("traceparent", "1"), ("Traceparent", "1")],
            ),
        ];
        let w3c = Instrumentation::default().with_propagator(otel_messaging::propagation::w3c());
        for (spelling, came, added) in cases {
            let came = map(came);
            let mut expected = came.clone();
            for (name, value) in added {
                expected.append(*name, *value);
            }
            let size = wire_size(&expected);
            for (room, expected) in [
                (usize::MAX, &expected),
                (size, &expected),
                (size - 1, &came),
            ] {
                let mut headers = came.clone();
                complete(spelling, &mut headers, &w3c, room);
                assert_eq!(&headers, expected, "{spelling:?}, {room}");
            }
        }
    }

    #[test]
    fn without_fields_nothing_is_added() {
        use opentelemetry::propagation::TextMapCompositePropagator;
        let none = TextMapCompositePropagator::new(Vec::new());
        let none = Instrumentation::default().with_propagator(none);
        let came = map(&[("Traceparent", "1")]);
        let mut headers = came.clone();
        complete(Spelling::Both, &mut headers, &none, usize::MAX);
        assert_eq!(headers, came);
    }

    fn map(lines: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, *value);
        }
        headers
    }
}
