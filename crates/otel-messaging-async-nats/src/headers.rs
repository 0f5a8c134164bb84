//! The carrier: NATS headers.

use crate::contexts::{contexts, lines};
use crate::error_type::error_type_of;
use crate::header_name::{header_name, is_spelling, is_title_case, text};
use crate::wire_size;
use async_nats::header::{HeaderMap, HeaderName, HeaderValue};
use otel_messaging::adapter::{Carrier, CarrierError, CarrierMut, Client, Contexts, FieldValue};
use std::any::Any;
use std::borrow::Cow;

/// The marker of this crate's carrier and messages. Every call infers it.
#[derive(Debug, Clone, Copy)]
pub enum Nats {}

impl Client for Nats {
    const SYSTEM: &'static str = "nats";
    const NAME: &'static str = env!("CARGO_PKG_NAME");
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");

    fn error_type(error: &(dyn Any + 'static)) -> Option<Cow<'static, str>> {
        error_type_of(error).map(Cow::Owned)
    }
}

/// To NATS, two spellings of a name are two names. Programs in other languages write some in title case.
/// This carrier finds every spelling. The map has no order among names.
///
/// If a `Traceparent` and a `traceparent` of the same trace differ, the one in title case counts, with
/// the `Tracestate` and the `Baggage` beside it: a relay that reads no other spelling, such as
/// OpenTelemetry's HTTP carrier in Go, adds it later. If a sender wrote both and a relay replaces only
/// the one in lower case, the carrier ignores that relay's span; the trace stays the same. If both name
/// one sender, the fields in title case count too: a Go relay may have changed them. If there is one
/// spelling of `traceparent`, each field counts in that spelling, and in any other if it is absent in
/// that one.
///
/// Other contexts that differ contradict each other, because nothing shows which is newer. So do two in
/// lower case, which servers of 2.11 and 2.12 make of both spellings. The carrier reads `Xraceparent` if
/// there is no other spelling: servers from 2.11 up to some releases of 2.12 rename the header so when they
/// store a message, to keep themselves from tracing it again
/// ([nats-server 7755](https://github.com/nats-io/nats-server/pull/7755)).
impl Carrier<Nats> for HeaderMap {
    fn get_all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        lines(self, name)
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

/// NATS cannot represent a name that is empty or has white space, a colon or anything but visible ASCII,
/// nor a value with a line break.
impl CarrierMut<Nats> for HeaderMap {
    const PER_HEADER: usize = wire_size::PER_HEADER;

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
        if Found::in_headers(self, names).any {
            remove_found(self, names);
        }
    }

    #[inline]
    fn left_of(&self, room: usize) -> Option<usize> {
        wire_size::left_of(self, room)
    }
}

/// What stands in headers of some names.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Found {
    /// Whether one is there, in any spelling.
    pub(crate) any: bool,
    /// Whether one is there as Go spells it.
    pub(crate) in_title_case: bool,
}

impl Found {
    #[inline]
    pub(crate) fn in_headers(headers: &HeaderMap, names: &[&str]) -> Self {
        let mut found = Self::default();
        for (key, _) in headers.iter() {
            let key = text(key);
            if let Some(name) = names.iter().find(|name| is_spelling(key, name)) {
                found.any = true;
                found.in_title_case |= is_title_case(key, name);
            }
        }
        found
    }
}

/// The map has no way to remove an entry.
#[cold]
pub(crate) fn remove_found(headers: &mut HeaderMap, names: &[&str]) {
    let is_named = |key: &HeaderName| names.iter().any(|name| is_spelling(text(key), name));
    let mut rest = HeaderMap::new();
    for (key, values) in headers.iter().filter(|(key, _)| !is_named(key)) {
        if let [value] = &values[..] {
            rest.insert(key.clone(), value.clone());
            continue;
        }
        for value in values {
            rest.append(key.clone(), value.clone());
        }
    }
    *headers = rest;
}

/// Sixteen bytes at a time.
fn has_line_break(value: &[u8]) -> bool {
    let is_break = |byte: &u8| (*byte == b'\r') | (*byte == b'\n');
    let (chunks, rest) = value.as_chunks::<16>();
    let in_chunk = |chunk: &[u8; 16]| chunk.iter().fold(false, |any, byte| any | is_break(byte));
    chunks.iter().any(in_chunk) || rest.iter().any(is_break)
}

#[cfg(test)]
mod tests;
