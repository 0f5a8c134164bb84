//! The carrier: AMQP's table of headers.

use lapin::types::{AMQPValue, FieldTable, ShortString};
use otel_messaging::{Carrier, CarrierError, CarrierMut, FieldValue, is_name};
use std::collections::BTreeMap;

/// The marker of this crate's carrier and messages; inferred everywhere.
#[derive(Debug, Clone, Copy)]
pub enum Lapin {}

/// Text is written as a long string, which every reader takes; read are long strings, byte arrays
/// and short strings, because clients differ in what they send. Values of other types read as
/// absent, and so does text that is not UTF-8.
impl Carrier<Lapin> for FieldTable {
    fn get_all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.inner()
            .iter()
            .filter(move |(key, _)| is_name(key.as_str().as_bytes(), name))
            .filter_map(|(_, value)| text(value))
    }

    fn keys(&self) -> impl Iterator<Item = &str> {
        self.inner().keys().map(ShortString::as_str)
    }

    #[inline]
    fn get_each<'a, const N: usize>(&'a self, names: [&str; N]) -> Option<[Option<&'a [u8]>; N]> {
        let mut found = [None; N];
        for (key, value) in self.inner() {
            let key = key.as_str().as_bytes();
            if let Some(index) = names.iter().position(|name| is_name(key, name))
                && let Some(value) = bytes(value)
                && found[index].replace(value).is_some()
            {
                return None;
            }
        }
        Some(found)
    }
}

/// A name of more than 255 bytes cannot be represented.
impl CarrierMut<Lapin> for FieldTable {
    #[inline]
    fn add(&mut self, name: &str, value: FieldValue<'_>) -> Result<(), CarrierError> {
        let name = ShortString::try_new(name).map_err(|_| CarrierError::InvalidName)?;
        // Never a short string: it goes out under a tag that is no AMQP 0.9.1 field type, and
        // RabbitMQ closes the connection.
        self.insert(name, AMQPValue::LongString(value.into_bytes().into()));
        Ok(())
    }

    #[inline]
    fn remove(&mut self, names: &[&str]) {
        if !self.inner().is_empty() {
            remove_from(self, names);
        }
    }
}

fn remove_from(table: &mut FieldTable, names: &[&str]) {
    let is_named = |key: &ShortString| {
        let mut names = names.iter();
        names.any(|name| is_name(key.as_str().as_bytes(), name))
    };
    if !table.inner().keys().any(is_named) {
        return;
    }
    // The table has no way to remove an entry.
    let rest: BTreeMap<_, _> = table
        .inner()
        .iter()
        .filter(|(key, _)| !is_named(key))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    *table = FieldTable::from(rest);
}

fn bytes(value: &AMQPValue) -> Option<&[u8]> {
    match value {
        AMQPValue::LongString(text) => Some(text.as_bytes()),
        AMQPValue::ByteArray(bytes) => Some(bytes.as_slice()),
        AMQPValue::ShortString(text) => Some(text.as_str().as_bytes()),
        _ => None,
    }
}

fn text(value: &AMQPValue) -> Option<&str> {
    str::from_utf8(bytes(value)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(entries: &[(&str, AMQPValue)]) -> FieldTable {
        let entries = entries.iter().cloned();
        FieldTable::from(BTreeMap::from_iter(
            entries.map(|(key, value)| (ShortString::from(key), value)),
        ))
    }

    #[test]
    fn reads_text_of_every_type_and_nothing_else() {
        let headers = table(&[
            ("long", AMQPValue::LongString("a".into())),
            ("bytes", AMQPValue::ByteArray(b"b".as_slice().into())),
            ("short", AMQPValue::ShortString("c".into())),
            ("number", AMQPValue::LongInt(1)),
            ("broken", AMQPValue::LongString(vec![0xff].into())),
        ]);
        assert_eq!(headers.get("LONG"), Some("a"));
        assert_eq!(headers.get("bytes"), Some("b"));
        assert_eq!(headers.get("short"), Some("c"));
        assert_eq!(headers.get("number"), None);
        assert_eq!(headers.get("broken"), None);
    }

    #[test]
    fn set_replaces_every_spelling_and_keeps_the_rest() {
        let mut headers = table(&[
            ("Traceparent", AMQPValue::LongString("old".into())),
            ("order", AMQPValue::LongInt(7)),
            (
                "traceparent",
                AMQPValue::ByteArray(b"old".as_slice().into()),
            ),
        ]);
        headers.set("traceparent", "new".into()).unwrap();
        let expected = table(&[
            ("order", AMQPValue::LongInt(7)),
            ("traceparent", AMQPValue::LongString("new".into())),
        ]);
        assert_eq!(headers, expected);
    }

    #[test]
    fn a_name_that_is_too_long_is_refused() {
        let mut headers = FieldTable::default();
        let name = "x".repeat(256);
        let refused = headers.set(&name, "".into());
        assert_eq!(refused, Err(CarrierError::InvalidName));
    }
}
