//! Headers that remember how their caller made them, while a context is written into them.

use crate::headers::{Kafka, position};
use crate::native;
use crate::wire_size;
use otel_messaging::adapter::{Carrier, CarrierError, CarrierMut, FieldValue, is_name};
use rdkafka::message::{Headers, OwnedHeaders};
use std::ffi::CString;

/// W3C trace context and baggage: what nearly every propagator writes.
const FIELDS: [&str; 3] = ["traceparent", "tracestate", "baggage"];

/// A caller's headers, and what it takes to give them back as they were.
///
/// A propagator may write fields that it does not declare, and the global one may have changed since it
/// was asked. So this goes by what is done to the headers.
#[derive(Clone)]
pub(crate) struct RestorableHeaders {
    /// Made when the first header is written, if the caller gave none.
    headers: Option<OwnedHeaders>,
    given: GivenHeaders,
    /// Of the headers as they were given; `None` once they have changed.
    survey: Option<Survey>,
}

/// What one pass over a caller's headers finds: to read them once more costs as much again.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Survey {
    /// What they take, in bytes.
    size: usize,
    /// Whether one of [`FIELDS`] is there, in any spelling.
    has_field: bool,
}

impl Survey {
    fn of(headers: &OwnedHeaders) -> Self {
        let mut survey = Self {
            size: 0,
            has_field: false,
        };
        for header in native::all(headers.as_borrowed()) {
            survey.size = survey.size.saturating_add(wire_size::of_header(header));
            survey.has_field |= FIELDS.iter().any(|field| is_name(header.0, field));
        }
        survey
    }

    /// Whether none of these names can be there.
    fn excludes(&self, names: &[&str]) -> bool {
        !self.has_field && names.iter().all(|name| FIELDS.contains(name))
    }
}

/// How to give a caller its headers back.
#[derive(Clone)]
pub(crate) enum GivenHeaders {
    /// The caller gave none.
    Nothing,
    /// The caller gave this many. They are still there, before all that was written.
    First(usize),
    /// The caller's headers, copied before the first of them was removed.
    Copied(OwnedHeaders),
}

impl RestorableHeaders {
    pub(crate) fn new(headers: Option<OwnedHeaders>) -> Self {
        let given = match &headers {
            Some(headers) => GivenHeaders::First(headers.count()),
            None => GivenHeaders::Nothing,
        };
        let survey = headers.as_ref().map(Survey::of);
        Self {
            headers,
            given,
            survey,
        }
    }

    /// The headers as they are now, and how to get at those that the caller gave.
    pub(crate) fn into_parts(self) -> (Option<OwnedHeaders>, GivenHeaders) {
        let is_needed =
            |all: &OwnedHeaders| all.count() > 0 || !matches!(self.given, GivenHeaders::Nothing);
        (self.headers.filter(is_needed), self.given)
    }

    /// A copy costs an allocation for each header, so it is made only where it is needed.
    #[cold]
    fn remove_found(&mut self, names: &[&str], first: usize) {
        let Some(headers) = &mut self.headers else {
            return;
        };
        if let GivenHeaders::First(count) = self.given
            && first < count
        {
            self.given = GivenHeaders::Copied(only_first(headers.clone(), count));
        }
        headers.remove(names);
        self.survey = None;
    }
}

impl GivenHeaders {
    /// The headers that the caller gave, made of those that a record came back with.
    pub(crate) fn restore(self, headers: Option<OwnedHeaders>) -> Option<OwnedHeaders> {
        match self {
            Self::Nothing => None,
            Self::First(count) => headers.map(|headers| only_first(headers, count)),
            Self::Copied(given) => Some(given),
        }
    }
}

/// The first headers alone. librdkafka removes by name. A name that was written behind them is never
/// one of the caller's, because a writer removes a name before it adds it.
fn only_first(mut headers: OwnedHeaders, count: usize) -> OwnedHeaders {
    let behind = count..headers.count();
    let behind = behind.filter_map(|index| native::get(headers.as_borrowed(), index));
    let names: Vec<_> = behind
        .filter_map(|(name, _)| CString::new(name).ok())
        .collect();
    for name in names {
        native::remove(&mut headers, &name);
    }
    headers
}

impl Carrier<Kafka> for RestorableHeaders {
    fn get_all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.headers
            .iter()
            .flat_map(move |headers| headers.get_all(name))
    }

    fn keys(&self) -> impl Iterator<Item = &str> {
        self.headers.iter().flat_map(Carrier::keys)
    }

    fn get<'a>(&'a self, name: &str) -> Option<&'a str> {
        Carrier::get(self.headers.as_ref()?, name)
    }
}

impl CarrierMut<Kafka> for RestorableHeaders {
    const PER_HEADER: usize = wire_size::PER_HEADER;

    #[inline]
    fn add(&mut self, name: &str, value: FieldValue<'_>) -> Result<(), CarrierError> {
        self.survey = None;
        let new = || OwnedHeaders::new_with_capacity(FIELDS.len());
        self.headers.get_or_insert_with(new).add(name, value)
    }

    #[inline]
    fn remove(&mut self, names: &[&str]) {
        if let Some(headers) = &self.headers
            && !self.survey.is_some_and(|survey| survey.excludes(names))
            && let Some(first) = position(headers.as_borrowed(), names)
        {
            self.remove_found(names, first);
        }
    }

    fn left_of(&self, room: usize) -> Option<usize> {
        match (&self.headers, self.survey) {
            (Some(_), Some(survey)) => room.checked_sub(survey.size),
            (Some(headers), None) => wire_size::left_of(headers, room),
            (None, _) => Some(room),
        }
    }
}

#[cfg(test)]
mod tests;
