//! The baggage of a message with its values, as this project reads it.

use opentelemetry::Context;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::propagation::{Extractor, TextMapPropagator};
use otel_messaging::propagation::BaggagePropagator;

/// A key and its value, decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) value: String,
}

/// The entries of these lines, by their keys.
pub(crate) fn entries(lines: &[&str]) -> Vec<Entry> {
    let context = BaggagePropagator::new().extract_with_context(&Context::new(), &Lines(lines));
    let mut entries: Vec<_> = context
        .baggage()
        .iter()
        .map(|(key, (value, _))| Entry {
            key: key.as_str().to_owned(),
            value: value.as_str().to_owned(),
        })
        .collect();
    entries.sort_by(|a, b| a.key.cmp(&b.key));
    entries
}

struct Lines<'a>(&'a [&'a str]);

impl Extractor for Lines<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.first().copied().filter(|_| key == "baggage")
    }

    fn keys(&self) -> Vec<&str> {
        vec!["baggage"]
    }

    fn get_all(&self, key: &str) -> Option<Vec<&str>> {
        (key == "baggage").then(|| self.0.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_read_and_decoded() {
        let entry = |key: &str, value: &str| Entry {
            key: key.to_owned(),
            value: value.to_owned(),
        };
        let expected = [entry("tenant", "acme corp"), entry("user", "7")];
        assert_eq!(
            entries(&["user=7;p=1", "tenant=acme%20corp, ,=x"]),
            expected
        );
        assert_eq!(entries(&[]), []);
    }
}
