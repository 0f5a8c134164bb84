//! Headers into which a context is written, in one spelling of its names or in both.

use crate::header_name::canonical;
use crate::headers::{Found, Nats, remove_found};
use crate::spelling::Spelling;
use crate::wire_size;
use async_nats::HeaderMap;
use otel_messaging::adapter::{Carrier, CarrierError, CarrierMut, FieldValue};

/// Headers to which each field is written in one spelling or in both.
///
/// With [`Spelling::AsReceived`] that is decided when the old fields are removed, because the call names
/// them: the propagator is not asked for its fields once more.
#[derive(Debug, Clone)]
pub(crate) struct Spelled<'a> {
    pub(crate) headers: HeaderMap,
    /// The headers of the request that is answered: its sender reads the spelling that it writes.
    asked: Option<&'a HeaderMap>,
    spelling: Spelling,
    /// `None` as long as nothing was removed.
    is_both: Option<bool>,
    /// What the headers take, in bytes, if it is known.
    size: Option<usize>,
}

impl<'a> Spelled<'a> {
    pub(crate) fn new(
        spelling: Spelling,
        headers: HeaderMap,
        asked: Option<&'a HeaderMap>,
    ) -> Self {
        let is_both = match spelling {
            Spelling::AsReceived => None,
            Spelling::Lower => Some(false),
            Spelling::Both => Some(true),
        };
        Self {
            headers,
            asked,
            spelling,
            is_both,
            size: None,
        }
    }

    /// The same headers, which take so many bytes.
    pub(crate) fn of_size(mut self, size: Option<usize>) -> Self {
        self.size = size;
        self
    }
}

impl Carrier<Nats> for Spelled<'_> {
    fn get_all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        Carrier::get_all(&self.headers, name)
    }

    fn keys(&self) -> impl Iterator<Item = &str> {
        Carrier::keys(&self.headers)
    }
}

impl CarrierMut<Nats> for Spelled<'_> {
    const PER_HEADER: usize = wire_size::PER_HEADER;

    #[inline]
    fn add(&mut self, name: &str, value: FieldValue<'_>) -> Result<(), CarrierError> {
        self.size = None;
        if self.is_both == Some(true) {
            let canonical = canonical(name);
            if canonical != name {
                self.headers.add(&canonical, value.clone())?;
            }
        }
        self.headers.add(name, value)
    }

    #[inline]
    fn remove(&mut self, names: &[&str]) {
        let found = Found::in_headers(&self.headers, names);
        if self.spelling == Spelling::AsReceived && self.is_both != Some(true) {
            let was_asked = |asked| Found::in_headers(asked, names).in_title_case;
            self.is_both = Some(found.in_title_case || self.asked.is_some_and(was_asked));
        }
        if found.any {
            remove_found(&mut self.headers, names);
            self.size = None;
        }
    }

    /// Whatever is written may take twice its size.
    #[inline]
    fn left_of(&self, room: usize) -> Option<usize> {
        let left = match self.size {
            Some(size) => wire_size::left_beside(size, room)?,
            None => wire_size::left_of(&self.headers, room)?,
        };
        Some(if self.is_both == Some(false) {
            left
        } else {
            left / 2
        })
    }
}

#[cfg(test)]
mod tests;
