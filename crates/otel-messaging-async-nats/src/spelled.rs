//! Headers into which a context is written, in one spelling of its names or in both.

use crate::header_name::{canonical, is_title_case, text};
use crate::headers::Nats;
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
        }
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
        if self.spelling == Spelling::AsReceived && self.is_both != Some(true) {
            let came = [Some(&self.headers), self.asked];
            let is_both = came.into_iter().flatten().any(|came| has_any(came, names));
            self.is_both = Some(is_both);
        }
        self.headers.remove(names);
    }

    /// Whatever is written may take twice its size.
    #[inline]
    fn left_of(&self, room: usize) -> Option<usize> {
        let left = wire_size::left_of(&self.headers, room)?;
        Some(if self.is_both == Some(false) {
            left
        } else {
            left / 2
        })
    }
}

/// Whether one of the fields stands in these headers as Go spells it.
fn has_any(headers: &HeaderMap, fields: &[&str]) -> bool {
    let is_any = |key: &str| fields.iter().any(|field| is_title_case(key, field));
    headers.iter().any(|(key, _)| is_any(text(key)))
}

#[cfg(test)]
mod tests;
