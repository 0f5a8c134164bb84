//! Headers of a protocol that limits how large a message may be.

use otel_messaging::adapter::{Carrier, CarrierError, CarrierMut, FieldValue, TextMap};
use std::collections::BTreeMap;

/// What a header takes beyond its name and its value.
pub(crate) const FRAMING: usize = 6;

#[derive(Debug, Clone)]
pub(crate) struct Limited {
    pub(crate) headers: BTreeMap<String, String>,
    size_of: fn(&BTreeMap<String, String>) -> usize,
}

impl Limited {
    /// Their size is that of names and values, each pair with its framing.
    pub(crate) fn by_size(headers: BTreeMap<String, String>) -> Self {
        let size_of = |headers: &BTreeMap<String, String>| {
            let sizes = headers.iter();
            sizes
                .map(|(name, value)| name.len() + value.len() + FRAMING)
                .sum()
        };
        Self { headers, size_of }
    }

    /// Their size is their number.
    pub(crate) fn by_count(headers: BTreeMap<String, String>) -> Self {
        let size_of = BTreeMap::len;
        Self { headers, size_of }
    }

    pub(crate) fn size(&self) -> usize {
        (self.size_of)(&self.headers)
    }
}

impl Carrier<TextMap> for Limited {
    fn get_all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.headers.get_all(name)
    }

    fn keys(&self) -> impl Iterator<Item = &str> {
        Carrier::keys(&self.headers)
    }
}

impl CarrierMut<TextMap> for Limited {
    const PER_HEADER: usize = FRAMING;

    fn add(&mut self, name: &str, value: FieldValue<'_>) -> Result<(), CarrierError> {
        self.headers.add(name, value)
    }

    fn remove(&mut self, names: &[&str]) {
        CarrierMut::remove(&mut self.headers, names);
    }

    fn left_of(&self, room: usize) -> Option<usize> {
        room.checked_sub(self.size())
    }
}
