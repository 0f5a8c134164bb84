//! The headers of a message without a client: names and values in order, duplicates and all.

use opentelemetry::propagation::{Extractor, Injector};

/// Headers; names in any spelling.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers(pub Vec<(String, String)>);

impl Headers {
    /// The values of a field, in order.
    pub fn lines(&self, name: &str) -> Vec<&str> {
        self.get_all(name).unwrap_or_default()
    }

    /// The value of a field that was written, which stands there once or not at all.
    pub fn written(&self, name: &str) -> Option<&str> {
        let lines = self.lines(name);
        assert!(lines.len() <= 1, "{name} was written twice");
        lines.first().copied()
    }

    /// The number of bytes in names and values.
    pub fn bytes(&self) -> usize {
        let lines = self.0.iter();
        lines.map(|(name, value)| name.len() + value.len()).sum()
    }
}

impl Extractor for Headers {
    fn get(&self, key: &str) -> Option<&str> {
        self.lines(key).first().copied()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.iter().map(|(name, _)| name.as_str()).collect()
    }

    fn get_all(&self, key: &str) -> Option<Vec<&str>> {
        let named = self
            .0
            .iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case(key));
        let values: Vec<_> = named.map(|(_, value)| value.as_str()).collect();
        (!values.is_empty()).then_some(values)
    }
}

impl Injector for Headers {
    fn set(&mut self, key: &str, value: String) {
        self.0.push((key.to_owned(), value));
    }
}
