//! The carrier: NATS headers.

use async_nats::header::{HeaderMap, HeaderName, HeaderValue};
use otel_messaging::{Carrier, CarrierError, CarrierMut};

/// The marker of this crate's carrier and messages; inferred everywhere.
#[derive(Debug, Clone, Copy)]
pub enum Nats {}

/// Names are case-sensitive in NATS and programs in other languages write some of them in title
/// case; here any spelling is found. The map has no order among names.
impl Carrier<Nats> for HeaderMap {
    fn get_all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.iter()
            .filter(move |(key, _)| text(key).eq_ignore_ascii_case(name))
            .flat_map(|(_, values)| values.iter().map(HeaderValue::as_str))
    }

    fn keys(&self) -> impl Iterator<Item = &str> {
        self.iter().map(|(key, _)| text(key))
    }
}

/// A name with white space, a colon or anything but visible ASCII, and a value with a line break
/// cannot be represented.
impl CarrierMut<Nats> for HeaderMap {
    fn set(&mut self, name: &str, value: String) -> Result<(), CarrierError> {
        CarrierMut::remove(self, name);
        let name: HeaderName = name.parse().map_err(|_| CarrierError::InvalidName)?;
        // The conversion panics on these.
        if value.contains(['\r', '\n']) {
            return Err(CarrierError::InvalidValue);
        }
        self.insert(name, HeaderValue::from(value));
        Ok(())
    }

    fn remove(&mut self, name: &str) {
        if !self
            .iter()
            .any(|(key, _)| text(key).eq_ignore_ascii_case(name))
        {
            return;
        }
        // The map has no way to remove an entry.
        let mut rest = HeaderMap::new();
        for (key, values) in self.iter() {
            if !text(key).eq_ignore_ascii_case(name) {
                for value in values {
                    rest.append(key.clone(), value.clone());
                }
            }
        }
        *self = rest;
    }
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
    "NATS/1.0\r\n\r\n".len() + lines.sum::<usize>()
}

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

        headers.set("traceparent", "new".to_owned()).unwrap();
        let mut expected = HeaderMap::new();
        expected.insert("traceparent", "new");
        expected.append("Order", "7");
        expected.append("Order", "8");
        assert_eq!(headers, expected);
    }

    #[test]
    fn what_nats_cannot_represent_is_refused() {
        let mut headers = HeaderMap::new();
        let value = headers.set("baggage", "a=1\r\nevil: 2".to_owned());
        assert_eq!(value, Err(CarrierError::InvalidValue));
        for name in ["a b", "a:b", "ü", "a\n"] {
            assert_eq!(
                headers.set(name, String::new()),
                Err(CarrierError::InvalidName)
            );
        }
        assert!(headers.is_empty());
    }

    proptest! {
        #[test]
        fn nothing_panics(name in any::<String>(), value in any::<String>()) {
            let mut headers = HeaderMap::new();
            if headers.set(&name, value.clone()).is_ok() {
                prop_assert_eq!(Carrier::get(&headers, &name), Some(value.as_str()));
            } else {
                prop_assert!(headers.is_empty());
            }
            CarrierMut::remove(&mut headers, &name);
            prop_assert!(headers.is_empty());
        }
    }
}
