//! The carrier: Kafka's record headers.

use crate::native;
use otel_messaging::{Carrier, CarrierError, CarrierMut, Contexts, FieldValue, is_name};
use rdkafka::message::{BorrowedHeaders, Headers, OwnedHeaders};
use std::ffi::CString;

/// The marker of this crate's carrier and messages; inferred everywhere.
#[derive(Debug, Clone, Copy)]
pub enum Kafka {}

/// Names are case-sensitive in Kafka, and programs add headers behind those that are there. So an
/// exact name counts before its other spellings, and of several values the newest, as for Java's
/// readers. The `tracestate` and the `baggage` that count are those that came with the `traceparent`
/// ([`Contexts::newest`]).
///
/// A value that is null or not UTF-8 reads as absent; a name that is not UTF-8 is passed over
/// (rdkafka's own reading of it panics). Older versions of Spring for Apache Kafka write each value as
/// JSON: if a `traceparent`, `tracestate`, `baggage` or a field of B3 (`b3`, `x-b3-traceid` and those
/// like it) stands in double quotes, it is read without them, and as absent if it has a JSON escape
/// inside.
///
/// For headers that come from a message or from [`OwnedHeaders`]: as with rdkafka's own methods, a
/// `BorrowedHeaders` made from its bare name is none.
impl Carrier<Kafka> for BorrowedHeaders {
    fn get_all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        raw(self)
            .filter(move |(key, _)| is_name(key, name))
            .filter_map(text)
    }

    fn keys(&self) -> impl Iterator<Item = &str> {
        raw(self).filter_map(|(key, _)| str::from_utf8(key).ok())
    }

    fn get<'a>(&'a self, name: &str) -> Option<&'a str> {
        let exact = raw(self).filter(|(key, _)| *key == name.as_bytes());
        let exact = exact.filter_map(text).last();
        exact.or_else(|| self.get_all(name).last())
    }

    fn contexts(&self) -> Contexts<'_> {
        Contexts::newest(raw(self).filter_map(|header| {
            let name = str::from_utf8(header.0).ok()?;
            Some((name, text(header)?))
        }))
    }

    #[inline(always)]
    fn get_each<'a, const N: usize>(&'a self, names: [&str; N]) -> Option<[Option<&'a [u8]>; N]> {
        let mut found = [None; N];
        let first = |name: &str| name.as_bytes().first().copied().unwrap_or(0) | 0x20;
        for entry in (0..self.count()).filter_map(|index| native::entry(self, index)) {
            // How long a name is, librdkafka does not tell: only those are measured that begin
            // with a letter of these.
            let letter = entry.first() | 0x20;
            if !names.iter().any(|name| first(name) == letter) {
                continue;
            }
            let (key, value) = entry.read();
            if let Some(index) = names.iter().position(|name| is_name(key, name))
                && let Some(value) = value.and_then(|value| inside(key, value))
                && found[index].replace(value).is_some()
            {
                return None;
            }
        }
        Some(found)
    }
}

/// As [`BorrowedHeaders`].
impl Carrier<Kafka> for OwnedHeaders {
    fn get_all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.as_borrowed().get_all(name)
    }

    fn keys(&self) -> impl Iterator<Item = &str> {
        Carrier::keys(self.as_borrowed())
    }

    fn get<'a>(&'a self, name: &str) -> Option<&'a str> {
        Carrier::get(self.as_borrowed(), name)
    }

    fn contexts(&self) -> Contexts<'_> {
        self.as_borrowed().contexts()
    }

    #[inline(always)]
    fn get_each<'a, const N: usize>(&'a self, names: [&str; N]) -> Option<[Option<&'a [u8]>; N]> {
        self.as_borrowed().get_each(names)
    }
}

/// The value of a header, if it is text.
fn text<'a>((key, value): native::RawHeader<'a>) -> Option<&'a str> {
    str::from_utf8(inside(key, value?)?).ok()
}

/// A value without the quotes of JSON.
#[inline]
fn inside<'a>(key: &[u8], value: &'a [u8]) -> Option<&'a [u8]> {
    match value {
        [b'"', text @ .., b'"'] => inside_quotes(key, value, text),
        _ => Some(value),
    }
}

/// The fields of W3C's context, and those of B3, which services with Spring Cloud Sleuth write. None of
/// their values begins with a quote of its own.
const IN_QUOTES: [&str; 9] = [
    "traceparent",
    "tracestate",
    "baggage",
    "b3",
    "x-b3-traceid",
    "x-b3-spanid",
    "x-b3-parentspanid",
    "x-b3-sampled",
    "x-b3-flags",
];

#[cold]
fn inside_quotes<'a>(key: &[u8], value: &'a [u8], text: &'a [u8]) -> Option<&'a [u8]> {
    if !IN_QUOTES.iter().any(|name| is_name(key, name)) {
        return Some(value);
    }
    // With an escape, what is inside is another text than the one that was written.
    (!text.contains(&b'\\')).then_some(text)
}

/// A name with a NUL byte cannot be represented: to librdkafka a name ends there, so what a remote
/// party puts behind one is neither read nor kept.
impl CarrierMut<Kafka> for OwnedHeaders {
    #[inline]
    fn add(&mut self, name: &str, value: FieldValue<'_>) -> Result<(), CarrierError> {
        // The names that are written most need no look at each byte.
        let is_known = matches!(name, "traceparent" | "tracestate" | "baggage");
        if !is_known && name.contains('\0') {
            return Err(CarrierError::InvalidName);
        }
        if native::add(self, (name.as_bytes(), Some(value.as_bytes()))) {
            Ok(())
        } else {
            Err(CarrierError::InvalidValue)
        }
    }

    #[inline]
    fn remove(&mut self, names: &[&str]) {
        if self.count() > 0 {
            remove_from(self, names);
        }
    }
}

fn remove_from(headers: &mut OwnedHeaders, names: &[&str]) {
    let name_of = |key: &[u8]| names.iter().copied().find(|name| is_name(key, name));
    let mut found = 0;
    let mut exact = true;
    for (key, _) in raw(headers.as_borrowed()) {
        if let Some(name) = name_of(key) {
            found += 1;
            exact &= key == name.as_bytes();
        }
    }
    if found == 0 {
        return;
    }
    if exact && found <= names.len() {
        for name in names.iter().filter_map(|name| CString::new(*name).ok()) {
            native::remove(headers, &name);
        }
        return;
    }
    // librdkafka removes by exact name, and moves all that follows each. One pass over a copy
    // instead, because a remote party chooses how many there are and how they are spelt.
    let mut rest = OwnedHeaders::new_with_capacity(headers.count());
    for header in raw(headers.as_borrowed()).filter(|(key, _)| name_of(key).is_none()) {
        native::add(&mut rest, header);
    }
    *headers = rest;
}

/// The headers of a message that is forwarded: a field of a context that came in JSON quotes goes on
/// without them, because readers in other languages do not take them off.
pub(crate) fn without_quotes(headers: OwnedHeaders) -> OwnedHeaders {
    let plain =
        |(key, value): native::RawHeader<'_>| value.is_none_or(|v| inside(key, v) == Some(v));
    if raw(headers.as_borrowed()).all(plain) {
        return headers;
    }
    let mut rest = OwnedHeaders::new_with_capacity(headers.count());
    for (key, value) in raw(headers.as_borrowed()) {
        // With an escape inside it is nobody's context, and stays as it is.
        let text = value.and_then(|value| inside(key, value));
        native::add(&mut rest, (key, text.or(value)));
    }
    rest
}

/// Where the first header of one of these names stands, in any spelling.
#[inline]
pub(crate) fn position(headers: &OwnedHeaders, names: &[&str]) -> Option<usize> {
    let is_named = |(key, _): native::RawHeader<'_>| names.iter().any(|name| is_name(key, name));
    raw(headers.as_borrowed()).position(is_named)
}

pub(crate) fn raw(headers: &BorrowedHeaders) -> impl Iterator<Item = native::RawHeader<'_>> {
    (0..headers.count()).filter_map(|index| native::get(headers, index))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn headers(entries: &[(&[u8], Option<&[u8]>)]) -> OwnedHeaders {
        let mut headers = OwnedHeaders::new();
        for entry in entries {
            assert!(native::add(&mut headers, *entry));
        }
        headers
    }

    #[test]
    fn the_newest_text_counts() {
        let headers = headers(&[
            (b"traceparent", Some(b"first")),
            (b"\xff", Some(b"a name that is not UTF-8")),
            (b"Traceparent", Some(b"last")),
            (b"traceparent", None),
            (b"traceparent", Some(b"\xff")),
        ]);
        assert_eq!(Carrier::get(&headers, "TRACEPARENT"), Some("last"));
        assert_eq!(Carrier::get(&headers, "traceparent"), Some("first"));
        let all: Vec<_> = headers.get_all("TRACEPARENT").collect();
        assert_eq!(all, ["first", "last"]);
        assert_eq!(Carrier::keys(&headers).count(), 4);
    }

    /// What a relay writes that appends: the older context is not mixed into the newer one.
    #[test]
    fn the_newer_of_two_contexts_is_extracted() {
        use opentelemetry::baggage::BaggageExt;
        use opentelemetry::trace::TraceContextExt;
        const OLDER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        const NEWER: &str = "00-0af7651916cd43dd8448eb211c80319d-b7ad6b7169203332-01";
        let (older, newer) = (("traceparent", OLDER), ("traceparent", NEWER));
        let title = ("Traceparent", OLDER);
        let state = |value| ("tracestate", value);
        for (lines, expected) in [
            (&[older, state("a=1"), newer, state("b=2")][..], "b=2"),
            (&[older, state("a=1"), newer, state("a=2")], "a=2"),
            (&[older, state("a=1"), newer], ""),
            (&[older, state("a=1"), state("b=1"), newer], "b=1"),
            (&[newer, state("b=2"), title, state("a=1")], "b=2"),
            (&[older, state("a=1"), newer, ("traceparent", "00-")], ""),
            // Of one sender too, the exact name.
            (&[newer, ("Tracestate", "a=1"), state("b=2")], "b=2"),
            (&[newer, state("b=2"), ("Tracestate", "a=1")], "b=2"),
            (&[newer, ("Tracestate", "b=2")], "b=2"),
            (
                &[older, state("a=1"), newer, state("b=2"), state("c=3")],
                "b=2,c=3",
            ),
        ] {
            let is_oldest = lines[0] == newer;
            let lines = [&[("baggage", "dropped=1")], lines].concat();
            let lines = lines
                .iter()
                .map(|(k, v)| (k.as_bytes(), Some(v.as_bytes())));
            let headers = headers(&lines.collect::<Vec<_>>());
            let context = crate::extract(&headers);
            // It came with the one in front.
            assert_eq!(context.baggage().len(), usize::from(is_oldest));
            let span = context.span();
            let sender = span.span_context();
            assert_eq!(format!("{:032x}", sender.trace_id()), &NEWER[3..35]);
            assert_eq!(sender.trace_state().header(), expected);
        }
    }

    /// What a service with an older version of Spring writes.
    #[test]
    fn a_value_in_json_quotes_is_what_is_inside() {
        use opentelemetry::baggage::BaggageExt;
        use opentelemetry::trace::TraceContextExt;
        const GOOD: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let quoted = format!("\"{GOOD}\"");
        type Lines<'a> = &'a [(&'a str, &'a str)];
        let cases: [(Lines<'_>, [&str; 3]); 8] = [
            (
                &[
                    ("traceparent", &quoted),
                    ("tracestate", "\"a=1\""),
                    ("baggage", "\"tenant=acme\""),
                ],
                [GOOD, "a=1", "tenant=acme"],
            ),
            (&[("Traceparent", &quoted)], [GOOD, "", ""]),
            // The newest, as ever.
            (
                &[
                    ("traceparent", "00-"),
                    ("traceparent", &quoted),
                    ("baggage", "\"a=1\""),
                ],
                [GOOD, "", "a=1"],
            ),
            // Escapes.
            (
                &[("traceparent", GOOD), ("tracestate", r#""a=\"1\"""#)],
                [GOOD, "", ""],
            ),
            (
                &[("traceparent", GOOD), ("baggage", r#""a=1,b=2;p=\\""#)],
                [GOOD, "", ""],
            ),
            // No JSON.
            (&[("traceparent", &quoted[1..])], ["", "", ""]),
            (&[("traceparent", "\"")], ["", "", ""]),
            (&[("traceparent", "\"\"")], ["", "", ""]),
        ];
        for (lines, expected) in cases {
            let raw = lines.iter();
            let raw = raw.map(|(k, v)| (k.as_bytes(), Some(v.as_bytes())));
            let headers = headers(&raw.collect::<Vec<_>>());
            let context = crate::extract(&headers);
            let sender = context.span().span_context().clone();
            let sender = [
                format!("00-{:032x}-{:016x}-01", sender.trace_id(), sender.span_id()),
                sender.trace_state().header(),
            ];
            let baggage = context.baggage().iter().next();
            let baggage = baggage.map(|(key, (value, _))| format!("{key}={value}"));
            let found = if context.span().span_context().is_valid() {
                sender
            } else {
                Default::default()
            };
            assert_eq!(found, expected[..2], "{lines:?}");
            assert_eq!(baggage.unwrap_or_default(), expected[2], "{lines:?}");
        }
        let other = headers(&[(b"order", Some(b"\"7\"")), (b"x-b3", Some(b"\"7\""))]);
        assert_eq!(Carrier::get(&other, "order"), Some("\"7\""));
        assert_eq!(Carrier::get(&other, "x-b3"), Some("\"7\""));
    }

    /// What Spring Cloud Sleuth writes by default.
    #[test]
    fn a_field_of_b3_in_json_quotes_is_what_is_inside() {
        for name in [
            "b3",
            "X-B3-TraceId",
            "X-B3-SpanId",
            "X-B3-ParentSpanId",
            "X-B3-Sampled",
            "X-B3-Flags",
        ] {
            let value = Some(&b"\"0af7651916cd43dd-1\""[..]);
            let headers = headers(&[(name.as_bytes(), value)]);
            let found = Carrier::get(&headers, &name.to_ascii_lowercase());
            assert_eq!(found, Some("0af7651916cd43dd-1"), "{name}");
        }
    }

    #[test]
    fn what_is_forwarded_has_its_context_without_quotes() {
        let entries: [(&[u8], Option<&[u8]>); 6] = [
            (b"Traceparent", Some(b"\"00-\"")),
            (b"order", Some(b"\"7\"")),
            (b"baggage", Some(b"\"a=\\\"1\"")),
            (b"traceparent", None),
            (b"b3", Some(b"\"1-2\"")),
            (b"\xff", Some(b"\xff")),
        ];
        let mut expected = entries;
        expected[0].1 = Some(b"00-");
        expected[4].1 = Some(b"1-2");
        let forwarded = without_quotes(headers(&entries));
        assert_eq!(raw(forwarded.as_borrowed()).collect::<Vec<_>>(), expected);
        let again = without_quotes(headers(&expected));
        assert_eq!(raw(again.as_borrowed()).collect::<Vec<_>>(), expected);
    }

    /// A higher version may go on behind its fields, but with text.
    #[test]
    fn a_value_that_is_no_text_is_absent() {
        use opentelemetry::trace::TraceContextExt;
        let good = b"cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-";
        for (behind, valid) in [(&b"more"[..], true), (b"\xff", false)] {
            let value = [good, behind].concat();
            let headers = headers(&[(b"traceparent", Some(&value))]);
            let context = crate::extract(&headers);
            assert_eq!(context.span().span_context().is_valid(), valid);
        }
    }

    #[test]
    fn set_replaces_every_spelling_and_keeps_the_rest() {
        let mut headers = headers(&[
            (b"traceparent", Some(b"old")),
            (b"\xff", Some(b"kept")),
            (b"Traceparent", Some(b"old")),
            (b"null", None),
            (b"traceparent", Some(b"old")),
        ]);
        headers.set("traceparent", "new".into()).unwrap();
        let all: Vec<_> = raw(headers.as_borrowed()).collect();
        assert_eq!(
            all,
            [
                (&b"\xff"[..], Some(&b"kept"[..])),
                (&b"null"[..], None),
                (&b"traceparent"[..], Some(&b"new"[..])),
            ]
        );
    }

    proptest! {
        #[test]
        fn any_headers_can_be_read_and_replaced(
            entries in prop::collection::vec(
                ("[tT]race|[a-z\\xff]{0,3}", prop::option::of(prop::collection::vec(any::<u8>(), 0..5))),
                0..20,
            ),
        ) {
            let entries: Vec<_> = entries
                .iter()
                .map(|(name, value)| (name.as_bytes(), value.as_deref()))
                .collect();
            let mut headers = headers(&entries);
            headers.set("trace", "new".into()).unwrap();
            let mut expected: Vec<_> = entries
                .into_iter()
                .filter(|(name, _)| !name.eq_ignore_ascii_case(b"trace"))
                .collect();
            expected.push((b"trace", Some(b"new")));
            let found: Vec<_> = raw(headers.as_borrowed()).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
