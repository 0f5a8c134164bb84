//! Headers into which a context is written, in one spelling of its names or in both.

use crate::headers::{Nats, PER_HEADER};
use crate::injection::left_beside;
use crate::spelling::{DISABLED, Spelling, TRACEPARENT, text};
use async_nats::header::{HeaderMap, HeaderName, HeaderValue};
use otel_messaging::{
    Carrier, CarrierError, CarrierMut, FieldValue, Instrumentation, count_dropped_fields,
};

/// Headers to which each field is written in one spelling or in both.
///
/// With [`Spelling::AsReceived`] that shows when the old fields are removed, which tells their names:
/// the propagator need not be asked for them once more.
#[derive(Debug, Clone)]
pub(crate) struct Spelled<'a> {
    pub(crate) headers: HeaderMap,
    /// The request that is answered: the one who asks reads as it writes.
    asked: Option<&'a HeaderMap>,
    spelling: Spelling,
    /// `None` as long as nothing was removed.
    is_both: Option<bool>,
}

impl<'a> Spelled<'a> {
    pub(crate) fn new(
        spelling: Spelling,
        headers: HeaderMap,
        asked: Option<&'a HeaderMap>,
    ) -> Self {
        let is_both = match spelling {
            Spelling::AsReceived => None,
            Spelling::Lower => Some(false),
            Spelling::Both => Some(true),
        };
        Self {
            headers,
            asked,
            spelling,
            is_both,
        }
    }

    /// What is left of the room for a context, in bytes; `None` if the headers are too large already.
    pub(crate) fn left(&self, room: usize) -> Option<usize> {
        let left = left_beside(&self.headers, room)?;
        // Whatever is written may take twice its size.
        Some(if self.is_both == Some(false) {
            left
        } else {
            left / 2
        })
    }
}

impl Carrier<Nats> for Spelled<'_> {
    fn get_all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        Carrier::get_all(&self.headers, name)
    }

    fn keys(&self) -> impl Iterator<Item = &str> {
        Carrier::keys(&self.headers)
    }
}

impl CarrierMut<Nats> for Spelled<'_> {
    #[inline]
    fn add(&mut self, name: &str, value: FieldValue<'_>) -> Result<(), CarrierError> {
        if self.is_both == Some(true) {
            let canonical = canonical(name);
            if canonical != name {
                self.headers.add(&canonical, value.clone())?;
            }
        }
        self.headers.add(name, value)
    }

    #[inline]
    fn remove(&mut self, names: &[&str]) {
        if self.spelling == Spelling::AsReceived && self.is_both != Some(true) {
            let came = [Some(&self.headers), self.asked];
            let is_both = came.into_iter().flatten().any(|came| has_any(came, names));
            self.is_both = Some(is_both);
        }
        self.headers.remove(names);
    }
}

/// Whether one of the fields stands in these headers as Go spells it.
fn has_any(headers: &HeaderMap, fields: &[&str]) -> bool {
    let is_any = |key: &str| fields.iter().any(|field| is_title_case(key, field));
    headers.iter().any(|(key, _)| is_any(text(key)))
}

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

/// Whether the key is this field as Go spells it; other capitals say nothing of who reads them.
fn is_title_case(key: &str, field: &str) -> bool {
    key.starts_with(|first: char| first.is_ascii_uppercase())
        && key.eq_ignore_ascii_case(field)
        && in_title_case(key).eq(key.chars())
}

/// A name as Go's `textproto.CanonicalMIMEHeaderKey` spells it: each part between hyphens begins
/// with a capital. A name that is no token (RFC 7230, section 3.2.6) stays as it is.
fn canonical(name: &str) -> String {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if !name.bytes().all(is_token) {
        return name.to_owned();
    }
    in_title_case(name).collect()
}

fn in_title_case(name: &str) -> impl Iterator<Item = char> {
    let mut starts = true;
    name.chars().map(move |c| {
        let spelled = if starts {
            c.to_ascii_uppercase()
        } else {
            c.to_ascii_lowercase()
        };
        starts = c == '-';
        spelled
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::headers::wire_size;
    use opentelemetry::Context;

    #[test]
    fn names_are_spelled_as_go_does() {
        for (name, expected) in [
            ("traceparent", "Traceparent"),
            ("X-B3-TraceId", "X-B3-Traceid"),
            ("b3", "B3"),
            ("uber-trace-id", "Uber-Trace-Id"),
            ("x--y-", "X--Y-"),
            ("1a_b", "1a_b"),
            ("a b", "a b"),
            ("ä-b", "ä-b"),
        ] {
            assert_eq!(canonical(name), expected);
        }
    }

    #[test]
    fn both_spellings_are_written_in_place_of_any() {
        let mut headers = HeaderMap::new();
        headers.insert("TraceParent", "old");
        headers.insert("Order", "7");
        let mut both = Spelled::new(Spelling::Both, headers, None);
        both.set("traceparent", "new".into()).expect("it is legal");
        let refused = both.set("baggage", "a\nb".into());
        assert_eq!(refused, Err(CarrierError::InvalidValue));
        let mut expected = HeaderMap::new();
        expected.insert("Traceparent", "new");
        expected.insert("traceparent", "new");
        expected.insert("Order", "7");
        assert_eq!(both.headers, expected);
    }

    /// As a Go service writes them; other capitals say nothing of who reads them.
    #[test]
    fn a_field_in_title_case_is_told_from_others() {
        let w3c = Instrumentation::default().with_propagator(otel_messaging::propagation::w3c());
        for (name, is_both) in [
            ("Traceparent", true),
            ("Tracestate", true),
            ("Baggage", true),
            ("traceparent", false),
            ("TRACEPARENT", false),
            ("TraceParent", false),
            ("Xraceparent", false),
            ("Nats-Msg-Id", false),
            ("Order", false),
            ("B3", false),
        ] {
            let came = map(&[("order", "7"), (name, "7")]);
            for (spelling, expected) in [
                (Spelling::AsReceived, is_both),
                (Spelling::Lower, false),
                (Spelling::Both, true),
            ] {
                for asked in [None, Some(&came)] {
                    let headers = if asked.is_some() {
                        HeaderMap::new()
                    } else {
                        came.clone()
                    };
                    let mut headers = Spelled::new(spelling, headers, asked);
                    w3c.inject(&context(), &mut headers);
                    let headers = headers.headers;
                    assert!(exact(&headers, "traceparent").is_some());
                    let title = exact(&headers, "Traceparent");
                    assert_eq!(
                        title.is_some(),
                        expected,
                        "{spelling:?}, {name}: {headers:?}"
                    );
                }
            }
        }
    }

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

    /// Of which nothing is known before the message is sent.
    #[test]
    fn the_fields_are_those_of_the_propagator() {
        use opentelemetry::propagation::TextMapCompositePropagator;
        let none = TextMapCompositePropagator::new(Vec::new());
        let none = Instrumentation::default().with_propagator(none);
        let came = map(&[("Traceparent", "1")]);
        let mut headers = came.clone();
        complete(Spelling::AsReceived, &mut headers, &none, usize::MAX);
        assert_eq!(headers, came);
        let mut spelled = Spelled::new(Spelling::AsReceived, headers, None);
        none.inject(&context(), &mut spelled);
        assert_eq!(spelled.headers, came);
    }

    fn map(lines: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, *value);
        }
        headers
    }

    fn context() -> Context {
        let mut headers = HeaderMap::new();
        let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        headers.insert("traceparent", traceparent);
        crate::extract(&headers)
    }

    /// Of another propagator, readers in other languages look for the name as it spells it.
    #[test]
    fn a_propagators_own_spelling_is_one_of_both() {
        let mut both = Spelled::new(Spelling::Both, HeaderMap::new(), None);
        for name in ["X-B3-TraceId", "b3", "Uber-Trace-Id"] {
            both.set(name, "7".into()).expect("it is legal");
        }
        let mut names: Vec<_> = Carrier::keys(&both.headers).collect();
        names.sort_unstable();
        let expected = ["B3", "Uber-Trace-Id", "X-B3-TraceId", "X-B3-Traceid", "b3"];
        assert_eq!(names, expected);
    }
}
