//! How the fields of a message are spelt and repeated.

use crate::message::{Header, Value};
use otel_messaging::adapter::is_name;

/// The headers of one field, in any spelling.
#[derive(Debug, Clone, Default)]
pub(crate) struct Spelt<'a> {
    /// Name and value, in the order of the message.
    pub(crate) texts: Vec<(&'a str, &'a str)>,
    /// The types of values that are not text.
    pub(crate) others: Vec<&'static str>,
}

impl<'a> Spelt<'a> {
    pub(crate) fn of(headers: &[Header<'a>], name: &str) -> Self {
        let mut spelt = Self::default();
        for header in headers.iter().filter(|header| is_name(header.name, name)) {
            let spelling = str::from_utf8(header.name).unwrap_or_default();
            match header.value {
                Value::Text(text) => spelt.texts.push((spelling, text)),
                Value::Bytes(_) => spelt.others.push("bytes"),
                Value::Null => spelt.others.push("null"),
                Value::Other(kind) => spelt.others.push(kind),
            }
        }
        spelt
    }

    /// The values under exactly this name.
    pub(crate) fn exact(&self, name: &str) -> Vec<&'a str> {
        let exact = self.texts.iter().filter(|(spelling, _)| *spelling == name);
        exact.map(|(_, value)| *value).collect()
    }

    /// Other spellings than the name in lower case.
    pub(crate) fn odd(&self, name: &str) -> Vec<&'a str> {
        let mut odd: Vec<_> = self.texts.iter().map(|(spelling, _)| *spelling).collect();
        odd.retain(|spelling| *spelling != name);
        odd.dedup();
        odd
    }

    pub(crate) fn values(&self) -> Vec<&'a str> {
        self.texts.iter().map(|(_, value)| *value).collect()
    }

    pub(crate) fn are_equal(&self) -> bool {
        let mut values = self.texts.iter().map(|(_, value)| value);
        let first = values.next();
        values.all(|value| Some(value) == first)
    }
}
