//! The carrier: NATS headers.

use async_nats::header::{HeaderMap, HeaderName, HeaderValue};
use otel_messaging::{Carrier, CarrierError, CarrierMut, FieldValue, is_name};

/// The marker of this crate's carrier and messages; inferred everywhere.
#[derive(Debug, Clone, Copy)]
pub enum Nats {}

/// Names are case-sensitive in NATS and programs in other languages write some of them in title
/// case; here any spelling is found. The map has no order among names.
///
/// Of a `Traceparent` beside a differing `traceparent` of the same trace, the one in title case
/// counts: only a relay that looks for no other spelling, as OpenTelemetry's HTTP carrier in Go
/// does, adds it later. `Xraceparent` is read where no other spelling is there: servers from 2.11
/// up to some releases of 2.12 rename the header so, to keep themselves from tracing a message
/// again, when they store it for one
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

    fn get<'a>(&'a self, name: &str) -> Option<&'a str> {
        let mut values = Carrier::get_all(self, name);
        let first = values.next()?;
        if values.all(|value| value == first) {
            return Some(first);
        }
        let settled = settled_spelling(self)?;
        match name {
            _ if name.eq_ignore_ascii_case(TRACEPARENT) => only(self, settled),
            _ if name.eq_ignore_ascii_case("tracestate") => match settled {
                TRACEPARENT => only(self, "tracestate"),
                _ => only(self, "Tracestate"),
            },
            _ => None,
        }
    }

    #[inline]
    fn get_each<'a, const N: usize>(&'a self, names: [&str; N]) -> Option<[Option<&'a [u8]>; N]> {
        let mut found = [None; N];
        for (key, values) in self.iter() {
            let key = text(key);
            if let Some(index) = names.iter().position(|name| is_spelling(key, name)) {
                for value in values {
                    if found[index].replace(value.as_str().as_bytes()).is_some() {
                        return None;
                    }
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

const TRACEPARENT: &str = "traceparent";
const TITLE_CASE: &str = "Traceparent";
/// What a server makes of it.
const DISABLED: &str = "Xraceparent";

/// Which spelling of `traceparent` counts where there are several that differ.
fn settled_spelling(headers: &HeaderMap) -> Option<&'static str> {
    let is_other = |key: &str| {
        let is_known = [TRACEPARENT, TITLE_CASE].contains(&key);
        key.eq_ignore_ascii_case(TRACEPARENT) && !is_known
    };
    if headers.iter().any(|(key, _)| is_other(text(key))) {
        return None;
    }
    match (only(headers, TRACEPARENT), only(headers, TITLE_CASE)) {
        (Some(lower), Some(title)) => {
            let is_one_trace = trace_id(lower).is_some() && trace_id(lower) == trace_id(title);
            is_one_trace.then_some(TITLE_CASE)
        }
        // Beside a disabled one.
        (Some(_), None) if !headers.iter().any(|(key, _)| text(key) == TITLE_CASE) => {
            Some(TRACEPARENT)
        }
        (None, Some(_)) if !headers.iter().any(|(key, _)| text(key) == TRACEPARENT) => {
            Some(TITLE_CASE)
        }
        _ => None,
    }
}

/// The value under exactly this name, if there is one and no other.
fn only<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let (_, values) = headers.iter().find(|(key, _)| text(key) == name)?;
    let (first, others) = values.split_first()?;
    let is_only = others.iter().all(|other| other == first);
    is_only.then(|| first.as_str())
}

/// The part of a traceparent between its first and its second `-`.
fn trace_id(traceparent: &str) -> Option<&str> {
    traceparent.split('-').nth(1)
}

#[inline]
fn is_spelling(key: &str, name: &str) -> bool {
    let ends_alike = match (key.as_bytes().last(), name.as_bytes().last()) {
        (Some(a), Some(b)) => (a ^ b) & !0x20 == 0,
        _ => true,
    };
    key.len() == name.len()
        && ends_alike
        && match key.as_bytes().first() {
            Some(b'X' | b'x') => is_disabled(key, name),
            _ => is_name(key.as_bytes(), name),
        }
}

#[cold]
fn is_disabled(key: &str, name: &str) -> bool {
    key.eq_ignore_ascii_case(name)
        || (name.eq_ignore_ascii_case(TRACEPARENT) && key.eq_ignore_ascii_case(DISABLED))
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

fn text(name: &HeaderName) -> &str {
    name.as_ref()
}

/// The size of the header block on the wire in bytes; it counts towards the server's
/// `max_payload`. Without headers there is no block.
pub(crate) fn wire_size(headers: &HeaderMap) -> usize {
    if headers.is_empty() {
        return 0;
    }
    let lines = headers.iter().flat_map(|(key, values)| {
        let key = text(key).len();
        values
            .iter()
            .map(move |value| key + value.as_str().len() + ": \r\n".len())
    });
    BLOCK + lines.sum::<usize>()
}

/// What the wire adds to the names and values of the W3C fields, in bytes: a line end and a
/// separator each, and the header block if there is none yet.
pub(crate) fn wire_overhead(headers: &HeaderMap) -> usize {
    let block = if headers.is_empty() { BLOCK } else { 0 };
    block + 3 * ": \r\n".len()
}

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

    /// What a Go relay leaves behind, and what a server of 2.11 stores.
    #[test]
    fn the_right_one_of_several_spellings_counts() {
        use opentelemetry::trace::TraceContextExt;
        let header = |span: u64| format!("00-0af7651916cd43dd8448eb211c80319c-{span:016x}-01");
        let other_trace = header(9).replace("0af7", "0af8");
        type Lines<'a> = &'a [(&'a str, &'a str)];
        let cases: [(Lines<'_>, Option<u64>); 9] = [
            (&[("Traceparent", &header(1))], Some(1)),
            (
                &[("traceparent", &header(1)), ("Traceparent", &header(1))],
                Some(1),
            ),
            (
                &[("traceparent", &header(1)), ("Traceparent", &header(2))],
                Some(2),
            ),
            (
                &[("traceparent", &header(1)), ("Traceparent", &other_trace)],
                None,
            ),
            (
                &[("traceparent", &header(1)), ("TRACEPARENT", &header(2))],
                None,
            ),
            (
                &[("traceparent", &header(1)), ("traceparent", &header(2))],
                None,
            ),
            (&[("Xraceparent", &header(1))], Some(1)),
            (
                &[("Xraceparent", &header(1)), ("traceparent", &header(2))],
                Some(2),
            ),
            (
                &[("Xraceparent", &header(1)), ("Traceparent", &header(2))],
                Some(2),
            ),
        ];
        for (lines, expected) in cases {
            let mut headers = HeaderMap::new();
            for (name, value) in lines {
                headers.append(*name, *value);
            }
            let context = crate::extract(&headers);
            let span = context.span().span_context().clone();
            let found = span
                .is_valid()
                .then(|| u64::from_be_bytes(span.span_id().to_bytes()));
            assert_eq!(found, expected, "{lines:?}");

            headers.append("order", "7");
            crate::inject(&opentelemetry::Context::new(), &mut headers);
            assert_eq!(headers.len(), 1, "every spelling is replaced: {headers:?}");
        }
    }

    /// The map has another order each time it is made.
    #[test]
    fn several_spellings_always_have_the_same_order() {
        for _ in 0..50 {
            let mut headers = HeaderMap::new();
            for name in ["baggage", "Baggage", "BAGGAGE"] {
                headers.append(name, format!("from={name}"));
            }
            let lines: Vec<_> = Carrier::get_all(&headers, "baggage").collect();
            assert_eq!(lines, ["from=baggage", "from=Baggage", "from=BAGGAGE"]);
        }
    }

    #[test]
    fn the_tracestate_is_that_of_the_traceparent_that_counts() {
        use opentelemetry::trace::TraceContextExt;
        let mut headers = HeaderMap::new();
        let header = |span: u64| format!("00-0af7651916cd43dd8448eb211c80319c-{span:016x}-01");
        headers.insert("traceparent", header(1));
        headers.insert("tracestate", "a=1");
        headers.insert("Traceparent", header(2));
        headers.insert("Tracestate", "a=2");
        let context = crate::extract(&headers);
        assert_eq!(context.span().span_context().trace_state().header(), "a=2");
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
