//! The carrier: AMQP's table of headers.

use lapin::types::{AMQPValue, FieldTable, ShortString};
use otel_messaging::{Carrier, CarrierError, CarrierMut};
use std::borrow::Cow;
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
            .filter(move |(key, _)| key.as_str().eq_ignore_ascii_case(name))
            .filter_map(|(_, value)| text(value))
    }

    fn keys(&self) -> impl Iterator<Item = &str> {
        self.inner().keys().map(ShortString::as_str)
    }

    fn get_each<'a, const N: usize>(&'a self, names: [&str; N]) -> Option<[Option<&'a str>; N]> {
        let mut found = [None; N];
        for (key, value) in self.inner() {
            for (name, found) in names.iter().zip(&mut found) {
                if key.as_str().eq_ignore_ascii_case(name)
                    && let Some(value) = text(value)
                    && found.replace(value).is_some()
                {
                    return None;
                }
            }
        }
        Some(found)
    }
}

/// A name of more than 255 bytes cannot be represented.
impl CarrierMut<Lapin> for FieldTable {
    fn set(&mut self, name: &str, value: Cow<'_, str>) -> Result<(), CarrierError> {
        self.remove(&[name]);
        let key = ShortString::try_new(name).map_err(|_| CarrierError::InvalidName)?;
        // Never a short string: it goes out under a tag that is no AMQP 0.9.1 field type, and
        // RabbitMQ closes the connection.
        let value = AMQPValue::LongString(value.into_owned().into());
        self.insert(key, value);
        Ok(())
    }

    fn remove(&mut self, names: &[&str]) {
        let is_named = |key: &ShortString| {
            let mut names = names.iter();
            names.any(|name| key.as_str().eq_ignore_ascii_case(name))
        };
        if !self.inner().keys().any(is_named) {
            return;
        }
        // The table has no way to remove an entry.
        let rest: BTreeMap<_, _> = self
            .inner()
            .iter()
            .filter(|(key, _)| !is_named(key))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        *self = FieldTable::from(rest);
    }
}

fn text(value: &AMQPValue) -> Option<&str> {
    match value {
        AMQPValue::LongString(text) => str::from_utf8(text.as_bytes()).ok(),
        AMQPValue::ByteArray(bytes) => str::from_utf8(bytes.as_slice()).ok(),
        AMQPValue::ShortString(text) => Some(text.as_str()),
        _ => None,
    }
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
