//! The headers of a caller's properties, while a context is written into them.

use crate::headers::{Lapin, without};
use crate::wire_size;
use lapin::BasicProperties;
use lapin::types::FieldTable;
use otel_messaging::adapter::{Carrier, CarrierError, CarrierMut, Contexts, FieldValue};

/// A caller's headers, and the copy of them that goes out in their place.
///
/// Properties give their headers out by reference only, and a table has no way to remove an entry. So
/// whoever writes one header copies all of them. This makes one copy, without the old fields, and none as
/// long as nothing is written.
#[derive(Debug, Clone)]
pub(crate) struct LentHeaders<'a> {
    given: Option<&'a FieldTable>,
    copy: Option<FieldTable>,
}

impl<'a> LentHeaders<'a> {
    pub(crate) fn of(properties: &'a BasicProperties) -> Self {
        Self {
            given: properties.headers().as_ref(),
            copy: None,
        }
    }

    /// The headers that go out in place of the caller's. `None` if the caller's stay as they are.
    pub(crate) fn into_changed(self) -> Option<FieldTable> {
        let is_needed = |copy: &FieldTable| self.given.is_some() || !copy.inner().is_empty();
        self.copy.filter(is_needed)
    }

    fn table(&self) -> Option<&FieldTable> {
        self.copy.as_ref().or(self.given)
    }
}

impl Carrier<Lapin> for LentHeaders<'_> {
    fn get_all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        let table = self.table().into_iter();
        table.flat_map(move |table| table.get_all(name))
    }

    fn keys(&self) -> impl Iterator<Item = &str> {
        self.table().into_iter().flat_map(Carrier::keys)
    }

    fn get<'a>(&'a self, name: &str) -> Option<&'a str> {
        self.table()?.get(name)
    }

    fn contexts(&self) -> Contexts<'_> {
        match self.table() {
            Some(table) => table.contexts(),
            None => Contexts::unordered([], [], []),
        }
    }

    fn get_each<'a, const N: usize>(&'a self, names: [&str; N]) -> Option<[Option<&'a [u8]>; N]> {
        match self.table() {
            Some(table) => table.get_each(names),
            None => Some([None; N]),
        }
    }
}

impl CarrierMut<Lapin> for LentHeaders<'_> {
    const PER_HEADER: usize = wire_size::PER_HEADER;

    #[inline]
    fn add(&mut self, name: &str, value: FieldValue<'_>) -> Result<(), CarrierError> {
        let given = self.given;
        let copy = || given.cloned().unwrap_or_default();
        self.copy.get_or_insert_with(copy).add(name, value)
    }

    #[inline]
    fn remove(&mut self, names: &[&str]) {
        if let Some(table) = self.table()
            && !table.inner().is_empty()
            && let Some(rest) = without(table, names)
        {
            self.copy = Some(rest);
        }
    }

    #[inline]
    fn left_of(&self, room: usize) -> Option<usize> {
        match self.table() {
            Some(table) => wire_size::left_of(table, room),
            None => Some(room),
        }
    }
}

#[cfg(test)]
mod tests;
