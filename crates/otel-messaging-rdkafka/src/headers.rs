//! The carrier: Kafka's record headers.

use crate::error_type::error_type;
use crate::json_quotes::inside;
use crate::native::{self, RawHeader};
use crate::wire_size;
use otel_messaging::adapter::{
    Carrier, CarrierError, CarrierMut, Client, Contexts, FieldValue, is_name,
};
use rdkafka::message::{BorrowedHeaders, Headers, OwnedHeaders};
use std::any::Any;
use std::borrow::Cow;
use std::ffi::CString;

/// The marker of this crate's carrier and messages. The compiler infers it, and callers never name it.
#[derive(Debug, Clone, Copy)]
pub enum Kafka {}

impl Client for Kafka {
    const SYSTEM: &'static str = "kafka";
    const NAME: &'static str = env!("CARGO_PKG_NAME");
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const RECEIVE: &'static str = "poll";

    fn error_type(error: &(dyn Any + 'static)) -> Option<Cow<'static, str>> {
        error.downcast_ref().map(error_type).map(Cow::Borrowed)
    }
}

/// Names are case-sensitive in Kafka, and programs add headers behind those that are there. So an
/// exact name counts before its other spellings, and the newest of several values counts, as for
/// readers in Java. The `tracestate` and the `baggage` that count are those that came with the
/// `traceparent` ([`Contexts::newest`]).
///
/// A value that is null or not UTF-8 reads as absent. A header whose name is not UTF-8 is ignored
/// (rdkafka's own code panics when it reads one). Older versions of Spring for Apache Kafka write each
/// value as JSON. If a `traceparent`, `tracestate`, `baggage` or a field of B3 (`b3`, `x-b3-traceid` and
/// those like it) is in double quotes, it is read without them. If it has a JSON escape inside, it reads
/// as absent.
///
/// The headers have to come from a message or from [`OwnedHeaders`]. `BorrowedHeaders` is a public unit
/// struct. Do not make one by its name: as with rdkafka's own methods, reading it is undefined behaviour.
impl Carrier<Kafka> for BorrowedHeaders {
    fn get_all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        native::all(self)
            .filter(move |(key, _)| is_name(key, name))
            .filter_map(text)
    }

    fn keys(&self) -> impl Iterator<Item = &str> {
        native::all(self).filter_map(|(key, _)| str::from_utf8(key).ok())
    }

    fn get<'a>(&'a self, name: &str) -> Option<&'a str> {
        let exact = native::all(self).filter(|(key, _)| *key == name.as_bytes());
        let exact = exact.filter_map(text).last();
        exact.or_else(|| self.get_all(name).last())
    }

    fn contexts(&self) -> Contexts<'_> {
        Contexts::newest(native::all(self).filter_map(|header| {
            let name = str::from_utf8(header.0).ok()?;
            Some((name, text(header)?))
        }))
    }

    #[inline(always)]
    fn get_each<'a, const N: usize>(&'a self, names: [&str; N]) -> Option<[Option<&'a [u8]>; N]> {
        let mut found = [None; N];
        for (_, (key, value)) in native::likely(self, &names) {
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

/// The same rules as for [`BorrowedHeaders`].
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

/// Every header of a message as it is on the wire, in the order of the message: its name, and its value unless
/// that is null.
///
/// Neither has to be UTF-8. rdkafka's own `iter` and `get` panic on a header whose name is not, and any remote
/// party can send one.
///
/// The headers have to come from a message or from [`OwnedHeaders`], as for
/// [their `Carrier`](#impl-Carrier%3CKafka%3E-for-BorrowedHeaders).
pub fn raw_headers(headers: &BorrowedHeaders) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
    native::all(headers)
}

/// The value of a header, if it is text.
fn text<'a>((key, value): RawHeader<'a>) -> Option<&'a str> {
    str::from_utf8(inside(key, value?)?).ok()
}

/// A name with a NUL byte cannot be represented. To librdkafka the name ends there, so bytes that a
/// remote party puts behind it are neither read nor kept.
impl CarrierMut<Kafka> for OwnedHeaders {
    const PER_HEADER: usize = wire_size::PER_HEADER;

    #[inline]
    fn add(&mut self, name: &str, value: FieldValue<'_>) -> Result<(), CarrierError> {
        // The names that are written most have no NUL: this saves a look at each byte.
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
        if position(self.as_borrowed(), names).is_some() {
            remove_found(self, names);
        }
    }

    fn left_of(&self, room: usize) -> Option<usize> {
        wire_size::left_of(self, room)
    }
}

/// Where the first header of one of these names stands, in any spelling.
#[inline]
pub(crate) fn position(headers: &BorrowedHeaders, names: &[&str]) -> Option<usize> {
    let is_named = |key: &[u8]| names.iter().any(|name| is_name(key, name));
    let mut likely = native::likely(headers, names);
    let (place, _) = likely.find(|(_, (key, _))| is_named(key))?;
    Some(place)
}

/// Removes the headers of these names, of which one is there.
#[cold]
fn remove_found(headers: &mut OwnedHeaders, names: &[&str]) {
    let name_of = |key: &[u8]| names.iter().copied().find(|name| is_name(key, name));
    let mut found = 0;
    let mut exact = true;
    for (_, (key, _)) in native::likely(headers.as_borrowed(), names) {
        if let Some(name) = name_of(key) {
            found += 1;
            exact &= key == name.as_bytes();
        }
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
    for header in native::all(headers.as_borrowed()).filter(|(key, _)| name_of(key).is_none()) {
        native::add(&mut rest, header);
    }
    *headers = rest;
}

#[cfg(test)]
mod conformance;
#[cfg(test)]
mod tests;
