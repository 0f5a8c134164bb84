//! The carrier: NATS headers.

use crate::spelling::{TRACEPARENT, contexts, is_spelling, text};
use async_nats::header::{HeaderMap, HeaderName, HeaderValue};
use otel_messaging::{Carrier, CarrierError, CarrierMut, Contexts, FieldValue};

/// The marker of this crate's carrier and messages; inferred everywhere.
#[derive(Debug, Clone, Copy)]
pub enum Nats {}

/// Names are case-sensitive in NATS and programs in other languages write some of them in title
/// case; here any spelling is found. The map has no order among names.
///
/// If a `Traceparent` stands beside a differing `traceparent` of the same trace, the one in title case
/// counts, with the `Tracestate` and the `Baggage` beside it. A relay that reads no other spelling adds
/// it later, as OpenTelemetry's HTTP carrier in Go does. A relay that replaces only the one in lower
/// case, behind a sender that wrote both, is passed over; the trace stays the same. If both name one
/// sender, the fields in title case count too: a Go relay may have changed them. With one spelling of
/// `traceparent`, each field in that spelling counts, and in any other where it is absent in that one.
///
/// Nothing tells which of other contexts that differ is newer: they contradict each other. So do two in
/// lower case, which is what servers of 2.11 and 2.12 make of both spellings. `Xraceparent` is read where
/// no other spelling is there: servers from 2.11 up to some releases of 2.12 rename the header so, to
/// keep themselves from tracing a message again, when they store it for one
/// ([nats-server 7755](https://github.com/nats-io/nats-server/pull/7755)).
impl Carrier<Nats> for HeaderMap {
    fn get_all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        let mut lines = self.iter().filter(|(key, _)| is_spelling(text(key), name));
        let mut one = lines.next();
        let mut several = Vec::new();
        if let Some(second) = lines.next() {
            // Not as they happen to stand in the map: in lower case first, because of two members
            // of a baggage the last counts, and title case is what a relay adds.
            several.extend(one.take().into_iter().chain([second]).chain(lines));
            several.sort_unstable_by(|(a, _), (b, _)| text(b).cmp(text(a)));
        }
        let lines = one.into_iter().chain(several);
        lines.flat_map(|(_, values)| values.iter().map(HeaderValue::as_str))
    }

    fn keys(&self) -> impl Iterator<Item = &str> {
        self.iter().map(|(key, _)| text(key))
    }

    fn contexts(&self) -> Contexts<'_> {
        contexts(self)
    }

    #[inline(always)]
    fn get_each<'a, const N: usize>(&'a self, names: [&str; N]) -> Option<[Option<&'a [u8]>; N]> {
        let mut found = [None; N];
        for (key, values) in self.iter() {
            let key = text(key);
            for (name, found) in names.iter().zip(&mut found) {
                if is_spelling(key, name) {
                    for value in values {
                        if found.replace(value.as_str().as_bytes()).is_some() {
                            return None;
                        }
                    }
                    break;
                }
            }
        }
        Some(found)
    }
}

/// An empty name, one with white space, a colon or anything but visible ASCII, and a value with a
/// line break cannot be represented.
impl CarrierMut<Nats> for HeaderMap {
    #[inline]
    fn add(&mut self, name: &str, value: FieldValue<'_>) -> Result<(), CarrierError> {
        let name = header_name(name)?;
        // The conversion panics on these.
        if !value.is_printable() && has_line_break(value.as_bytes()) {
            return Err(CarrierError::InvalidValue);
        }
        let value = value.into_string();
        self.insert(name, HeaderValue::from(value));
        Ok(())
    }

    #[inline]
    fn remove(&mut self, names: &[&str]) {
        if !self.is_empty() {
            remove_from(self, names);
        }
    }
}

fn remove_from(headers: &mut HeaderMap, names: &[&str]) {
    let is_named = |key: &HeaderName| names.iter().any(|name| is_spelling(text(key), name));
    if !headers.iter().any(|(key, _)| is_named(key)) {
        return;
    }
    // The map has no way to remove an entry.
    let mut rest = HeaderMap::new();
    for (key, values) in headers.iter().filter(|(key, _)| !is_named(key)) {
        for value in values {
            rest.append(key.clone(), value.clone());
        }
    }
    *headers = rest;
}

/// Without an allocation for the names that are written most.
fn header_name(name: &str) -> Result<HeaderName, CarrierError> {
    const TRACEPARENT_NAME: HeaderName = HeaderName::from_static(TRACEPARENT);
    const TRACESTATE_NAME: HeaderName = HeaderName::from_static("tracestate");
    const BAGGAGE_NAME: HeaderName = HeaderName::from_static("baggage");
    Ok(match name {
        TRACEPARENT => TRACEPARENT_NAME,
        "tracestate" => TRACESTATE_NAME,
        "baggage" => BAGGAGE_NAME,
        // The client takes it, but other readers refuse the message for it.
        "" => return Err(CarrierError::InvalidName),
        _ => name.parse().map_err(|_| CarrierError::InvalidName)?,
    })
}

/// Sixteen bytes at a time.
fn has_line_break(value: &[u8]) -> bool {
    let is_break = |byte: &u8| (*byte == b'\r') | (*byte == b'\n');
    let (chunks, rest) = value.as_chunks::<16>();
    let in_chunk = |chunk: &[u8; 16]| chunk.iter().fold(false, |any, byte| any | is_break(byte));
    chunks.iter().any(in_chunk) || rest.iter().any(is_break)
}

/// The size of the header block on the wire in bytes, with the lines around it; it counts towards
/// the server's `max_payload`.
pub(crate) fn wire_size(headers: &HeaderMap) -> usize {
    let lines = headers.iter().flat_map(|(key, values)| {
        let key = text(key).len();
        values
            .iter()
            .map(move |value| key + value.as_str().len() + PER_HEADER)
    });
    BLOCK + lines.sum::<usize>()
}

/// What a header takes beyond its name and its value, in bytes.
pub(crate) const PER_HEADER: usize = ": \r\n".len();

const BLOCK: usize = "NATS/1.0\r\n\r\n".len();

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn any_spelling_is_found_and_replaced() {
        let mut headers = HeaderMap::new();
        headers.insert("Traceparent", "old");
        headers.append("Order", "7");
        headers.append("Order", "8");
        assert_eq!(Carrier::get(&headers, "traceparent"), Some("old"));

        headers.set("traceparent", "new".into()).unwrap();
        let mut expected = HeaderMap::new();
        expected.insert("traceparent", "new");
        expected.append("Order", "7");
        expected.append("Order", "8");
        assert_eq!(headers, expected);
    }

    #[test]
    fn what_nats_cannot_represent_is_refused() {
        let mut headers = HeaderMap::new();
        let value = headers.set("baggage", "a=1\r\nevil: 2".into());
        assert_eq!(value, Err(CarrierError::InvalidValue));
        for name in ["", "a b", "a:b", "ü", "a\n"] {
            assert_eq!(headers.set(name, "".into()), Err(CarrierError::InvalidName));
        }
        assert!(headers.is_empty());
    }

    proptest! {
        #[test]
        fn nothing_panics(name in any::<String>(), value in any::<String>()) {
            let mut headers = HeaderMap::new();
            if headers.set(&name, value.as_str().into()).is_ok() {
                prop_assert_eq!(Carrier::get(&headers, &name), Some(value.as_str()));
            } else {
                prop_assert!(headers.is_empty());
            }
            CarrierMut::remove(&mut headers, &[&name]);
            prop_assert!(headers.is_empty());
        }
    }
}
