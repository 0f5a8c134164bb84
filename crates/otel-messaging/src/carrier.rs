//! Header storage that propagators read and write, whatever the client calls it.

use crate::contexts::Contexts;
use crate::field_value::FieldValue;
use crate::propagation::FIELDS;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::hash::BuildHasher;

/// Header storage that can be read, such as the headers of a received message.
///
/// `C` is a marker type of the crate that implements the trait for its client's headers; it is
/// inferred everywhere and callers never name it.
///
/// # Rules for an implementation
///
/// Look-up ignores ASCII case. A value that is null, binary or not UTF-8 reads as absent.
/// Nothing that a remote party can put into the headers may panic or allocate without bound.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no carrier that otel-messaging knows",
    note = "the adapter of its client implements `Carrier`: is it a dependency, is it named \
            somewhere (`use otel_messaging_lapin as _;` will do), and is the client of the same \
            version?"
)]
pub trait Carrier<C> {
    /// Every readable value of the header `name`, in the order of the message.
    fn get_all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str>;

    /// The names of all headers that have a readable name.
    fn keys(&self) -> impl Iterator<Item = &str>;

    /// The value of a header that may have only one.
    ///
    /// Equal duplicates count as one. Differing values are no value, because readers disagree on
    /// which of them counts; a carrier whose protocol settles that says so in its own docs. Which
    /// context of a message counts is asked of [`contexts`](Self::contexts).
    fn get<'a>(&'a self, name: &str) -> Option<&'a str> {
        let mut values = self.get_all(name);
        let first = values.next()?;
        values.all(|value| value == first).then_some(first)
    }

    /// The contexts in these headers. This is asked only where [`get_each`](Self::get_each) finds
    /// `traceparent`, `tracestate` or `baggage` more than once.
    ///
    /// By default, values of `traceparent` that name different spans contradict each other, and with
    /// one sender every line of the others counts ([`Contexts::unordered`]). A carrier whose protocol
    /// settles which of several contexts counts says so here ([`Contexts::newest`], if it is the
    /// newest). If the protocol tells spellings apart, it also says which of them counts with one
    /// sender ([`FieldSet::or`](crate::FieldSet::or)).
    fn contexts(&self) -> Contexts<'_> {
        let [traceparents, tracestate, baggage] = FIELDS.map(|name| self.get_all(name));
        Contexts::unordered(traceparents, tracestate, baggage)
    }

    /// The value of each of `names`, all different, in bytes, or `None` if one of them stands there
    /// more than once, in any spelling: [`get`](Self::get) and [`get_all`](Self::get_all) settle that.
    ///
    /// This is how a message's context is found. A carrier that can look for several names in one
    /// pass over its headers should. It need not look whether the bytes are UTF-8, which the reader
    /// of a field does; what is null or of another type than text is absent here too.
    fn get_each<'a, const N: usize>(&'a self, names: [&str; N]) -> Option<[Option<&'a [u8]>; N]> {
        let mut found = [None; N];
        for (name, found) in names.iter().zip(&mut found) {
            let mut values = self.get_all(name);
            *found = values.next().map(str::as_bytes);
            if values.next().is_some() {
                return None;
            }
        }
        Some(found)
    }
}

/// Header storage that can be written, such as the headers of a message to be published.
///
/// # Rules for an implementation
///
/// The other headers keep their bytes and their order. Nothing panics, whatever name or value it
/// is given.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no carrier that otel-messaging can write to",
    note = "the adapter of its client implements `CarrierMut`: is it a dependency, is it named \
            somewhere (`use otel_messaging_lapin as _;` will do), and is the client of the same \
            version?"
)]
pub trait CarrierMut<C>: Carrier<C> {
    /// Writes the header `name`, in this spelling, of which the caller has removed every older value.
    ///
    /// # Errors
    ///
    /// When the protocol cannot represent the name or the value. Nothing is then written.
    fn add(&mut self, name: &str, value: FieldValue<'_>) -> Result<(), CarrierError>;

    /// Removes every value of each of the headers `names`, in every spelling, readable or not.
    fn remove(&mut self, names: &[&str]);

    /// Writes the header `name` once, in this spelling, in place of every old value and every
    /// spelling of the name.
    ///
    /// # Errors
    ///
    /// When the protocol cannot represent the name or the value. The header is then absent.
    #[inline]
    fn set(&mut self, name: &str, value: FieldValue<'_>) -> Result<(), CarrierError> {
        self.remove(&[name]);
        self.add(name, value)
    }
}

/// Why a carrier did not write a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CarrierError {
    /// The protocol has no header of this name.
    InvalidName,
    /// The protocol cannot represent the value.
    InvalidValue,
    /// The message would become larger than the broker takes.
    TooLarge,
}

impl fmt::Display for CarrierError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            CarrierError::InvalidName => "the protocol cannot represent the header's name",
            CarrierError::InvalidValue => "the protocol cannot represent the header's value",
            CarrierError::TooLarge => "the message would become larger than the broker takes",
        })
    }
}

impl std::error::Error for CarrierError {}

/// The marker for the string maps of the standard library, and for the environment of processes.
#[derive(Debug, Clone, Copy)]
pub enum TextMap {}

impl<S: BuildHasher> Carrier<TextMap> for HashMap<String, String, S> {
    fn get_all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        values(self.iter(), name)
    }

    fn keys(&self) -> impl Iterator<Item = &str> {
        HashMap::keys(self).map(String::as_str)
    }
}

impl<S: BuildHasher> CarrierMut<TextMap> for HashMap<String, String, S> {
    fn add(&mut self, name: &str, value: FieldValue<'_>) -> Result<(), CarrierError> {
        self.insert(name.to_owned(), value.into_string());
        Ok(())
    }

    fn remove(&mut self, names: &[&str]) {
        self.retain(|key, _| !names.iter().any(|name| key.eq_ignore_ascii_case(name)));
    }
}

impl Carrier<TextMap> for BTreeMap<String, String> {
    fn get_all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        values(self.iter(), name)
    }

    fn keys(&self) -> impl Iterator<Item = &str> {
        BTreeMap::keys(self).map(String::as_str)
    }
}

impl CarrierMut<TextMap> for BTreeMap<String, String> {
    fn add(&mut self, name: &str, value: FieldValue<'_>) -> Result<(), CarrierError> {
        self.insert(name.to_owned(), value.into_string());
        Ok(())
    }

    fn remove(&mut self, names: &[&str]) {
        self.retain(|key, _| !names.iter().any(|name| key.eq_ignore_ascii_case(name)));
    }
}

/// Whether a header's name is this one, in any spelling: for carriers that look through many
/// headers, most of which differ in length or in the first or last letter.
#[inline]
pub fn is_name(key: &[u8], name: &str) -> bool {
    let name = name.as_bytes();
    let is_one_letter = |a: Option<&u8>, b: Option<&u8>| match (a, b) {
        (Some(a), Some(b)) => (a ^ b) & !0x20 == 0,
        _ => true,
    };
    key.len() == name.len()
        && is_one_letter(key.last(), name.last())
        && is_one_letter(key.first(), name.first())
        && (key == name || is_spelling(key, name))
}

#[cold]
fn is_spelling(key: &[u8], name: &[u8]) -> bool {
    key.eq_ignore_ascii_case(name)
}

fn values<'a>(
    entries: impl Iterator<Item = (&'a String, &'a String)>,
    name: &str,
) -> impl Iterator<Item = &'a str> {
    entries
        .filter(move |(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn look_up_ignores_case_and_differing_values_are_none() {
        let mut map = BTreeMap::from([
            ("Traceparent".to_owned(), "a".to_owned()),
            ("traceparent".to_owned(), "a".to_owned()),
        ]);
        assert_eq!(Carrier::get(&map, "TRACEPARENT"), Some("a"));
        map.insert("traceparent".to_owned(), "b".to_owned());
        assert_eq!(Carrier::get(&map, "traceparent"), None);
        assert_eq!(Carrier::get_all(&map, "traceparent").count(), 2);
    }

    #[test]
    fn set_replaces_every_spelling_and_leaves_the_rest() {
        let mut map: HashMap<String, String> = HashMap::from([
            ("Traceparent".to_owned(), "old".to_owned()),
            ("Order".to_owned(), "7".to_owned()),
        ]);
        CarrierMut::set(&mut map, "traceparent", "new".into()).unwrap();
        let expected = [("traceparent", "new"), ("Order", "7")];
        assert_eq!(
            map,
            expected.map(|(k, v)| (k.to_owned(), v.to_owned())).into()
        );
    }
}
