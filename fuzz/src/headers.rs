//! A carrier without a client: names and values in order, duplicates and all.

use otel_messaging::{Carrier, CarrierError, CarrierMut};

/// The headers of a message; names in any spelling.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers(pub Vec<(String, String)>);

/// The marker of [`Headers`].
pub enum Plain {}

impl Headers {
    /// The value of a field that was written, which stands there once or not at all.
    pub fn written(&self, name: &str) -> Option<&str> {
        let mut values = self.get_all(name);
        let value = values.next();
        assert_eq!(values.next(), None, "{name} was written twice");
        value
    }

    /// The number of bytes in names and values.
    pub fn bytes(&self) -> usize {
        let lines = self.0.iter();
        lines.map(|(name, value)| name.len() + value.len()).sum()
    }
}

impl Carrier<Plain> for Headers {
    fn get_all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        let lines = self.0.iter();
        lines
            .filter(move |(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(key, _)| key.as_str())
    }
}

impl CarrierMut<Plain> for Headers {
    fn set(&mut self, name: &str, value: String) -> Result<(), CarrierError> {
        CarrierMut::remove(self, name);
        self.0.push((name.to_owned(), value));
        Ok(())
    }

    fn remove(&mut self, name: &str) {
        self.0.retain(|(key, _)| !key.eq_ignore_ascii_case(name));
    }
}
