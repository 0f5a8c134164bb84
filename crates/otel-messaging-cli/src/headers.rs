//! Headers that a person gives: on the command line, or on standard input.

use crate::error::Error;
use crate::message::{Header, Value};
use otel_messaging::adapter::{Carrier, CarrierError, CarrierMut, FieldValue};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value as Json;
use std::collections::HashMap;
use std::fmt;

/// The marker of this carrier.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Given {}

/// Headers in their order, each name as often as it was given.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Headers(Vec<(String, Json)>);

impl Headers {
    /// Reads a JSON object, whose values are text, null, or a list of these; or a list of names and
    /// values in turn, as kcat prints headers; or a list of pairs.
    pub(crate) fn from_json(text: &str) -> Result<Self, Error> {
        serde_json::from_str(text).map_err(|error| {
            Error::new(format_args!(
                "the headers are not a JSON object of names and values: {error}"
            ))
        })
    }

    /// The headers as a message has them. Numbers and truth values are not text.
    pub(crate) fn as_sent(&self) -> Vec<Header<'_>> {
        let sent = self.0.iter().map(|(name, value)| Header {
            name: name.as_bytes(),
            value: match value {
                Json::String(text) => Value::Text(text),
                Json::Null => Value::Null,
                Json::Bool(_) => Value::Other("boolean"),
                Json::Number(_) => Value::Other("number"),
                Json::Array(_) => Value::Other("list"),
                Json::Object(_) => Value::Other("table"),
            },
        });
        sent.collect()
    }

    /// In their order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Json)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    fn push(&mut self, name: String, value: Json) {
        match value {
            Json::Array(values) => {
                let values = values.into_iter().map(|value| (name.clone(), value));
                self.0.extend(values);
            }
            value => self.0.push((name, value)),
        }
    }
}

impl Carrier<Given> for Headers {
    fn get_all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(key, _)| key.eq_ignore_ascii_case(name))
            .filter_map(|(_, value)| value.as_str())
    }

    fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }
}

impl CarrierMut<Given> for Headers {
    fn add(&mut self, name: &str, value: FieldValue<'_>) -> Result<(), CarrierError> {
        self.0
            .push((name.to_owned(), Json::String(value.into_string())));
        Ok(())
    }

    fn remove(&mut self, names: &[&str]) {
        self.0
            .retain(|(key, _)| !names.iter().any(|name| key.eq_ignore_ascii_case(name)));
    }
}

/// A JSON object. A name that occurs more than once has a list of its values, at its first place.
impl Serialize for Headers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut places: HashMap<&str, usize> = HashMap::new();
        let mut named: Vec<(&str, Vec<&Json>)> = Vec::new();
        for (name, value) in self.iter() {
            let place = *places.entry(name).or_insert(named.len());
            match named.get_mut(place) {
                Some((_, values)) => values.push(value),
                None => named.push((name, vec![value])),
            }
        }
        let mut object = serializer.serialize_map(Some(named.len()))?;
        for (name, values) in &named {
            match values.as_slice() {
                [value] => object.serialize_entry(name, value)?,
                values => object.serialize_entry(name, values)?,
            }
        }
        object.end()
    }
}

impl<'de> Deserialize<'de> for Headers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Headers;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of names and values, or a list of names and values in turn")
    }

    /// An object of serde_json would forget all values of a name but the last.
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Headers, A::Error> {
        let mut headers = Headers::default();
        while let Some((name, value)) = map.next_entry()? {
            headers.push(name, value);
        }
        Ok(headers)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Headers, A::Error> {
        use serde::de::Error as _;
        let mut headers = Headers::default();
        while let Some(first) = list.next_element::<Json>()? {
            match first {
                Json::String(name) => {
                    let value = list.next_element()?;
                    let value = value.ok_or_else(|| {
                        A::Error::custom(format_args!("the header {name} has no value"))
                    })?;
                    headers.push(name, value);
                }
                Json::Array(pair) => {
                    let pair: Result<[Json; 2], _> = pair.try_into();
                    let Ok([Json::String(name), value]) = pair else {
                        return Err(A::Error::custom("a pair is not of a name and a value"));
                    };
                    headers.push(name, value);
                }
                other => {
                    return Err(A::Error::custom(format_args!(
                        "{other} is neither a header's name nor a pair"
                    )));
                }
            }
        }
        Ok(headers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_is_read_and_no_value_is_lost() {
        let expected = r#"{"traceparent":["a","b"],"order":null}"#;
        for text in [
            r#"{"traceparent": "a", "order": null, "traceparent": "b"}"#,
            r#"{"traceparent": ["a", "b"], "order": null}"#,
            r#"["traceparent", "a", "order", null, "traceparent", "b"]"#,
            r#"[["traceparent", "a"], ["order", null], ["traceparent", "b"]]"#,
        ] {
            assert_eq!(
                serde_json::to_string(&Headers::from_json(text).unwrap()).unwrap(),
                expected,
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_header_is_named() {
        for (text, named) in [
            (r#"["traceparent"]"#, "the header traceparent has no value"),
            (
                r#"[["traceparent"]]"#,
                "a pair is not of a name and a value",
            ),
            ("[7]", "7 is neither a header's name nor a pair"),
            ("7", "an object of names and values"),
            ("{", "EOF"),
        ] {
            let error = Headers::from_json(text).unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        }
    }
}
