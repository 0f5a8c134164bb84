//! W3C Baggage as an OpenTelemetry propagator.

use super::baggage_member::{self as member, Member};
use super::{BAGGAGE, trim};
use crate::carrier::CarrierError;
use crate::dropped::{self, Refused, refuse};
use opentelemetry::Context;
use opentelemetry::baggage::{Baggage, BaggageExt};
use opentelemetry::propagation::text_map_propagator::FieldIter;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use std::sync::LazyLock;

/// What a platform has to propagate at least (W3C Baggage, "Limits"), both counted on the encoded
/// form.
const MAX_MEMBERS: usize = 64;
const MAX_BYTES: usize = 8192;

/// Reads and writes the header `baggage` of [W3C Baggage](https://www.w3.org/TR/baggage/).
///
/// - Keys are tokens and never decoded. Values are percent-decoded once, as UTF-8; a sequence that
///   is none becomes U+FFFD. Properties travel as they came, but a tab as a space. Several headers count as one list.
/// - A member that is malformed is skipped, the others count; of more than 64 members or 8,192
///   bytes, encoded, those that come first. Of a key that stands there twice the last value counts.
///   What was not used is counted in [`refused_fields`](crate::refused_fields). Without any valid
///   member, the baggage that is already in the context stays.
/// - Written is one header, its members ordered by key, because OpenTelemetry's type has forgotten
///   how they came. All that is not allowed in a value is percent-encoded, `%` itself too. Members
///   beyond the limits, or with properties that are malformed, are left out and counted in
///   [`dropped_fields`](crate::dropped_fields).
///
/// ```
/// use opentelemetry::baggage::BaggageExt;
/// use opentelemetry::propagation::TextMapPropagator;
/// use otel_messaging::propagation::BaggagePropagator;
/// use std::collections::HashMap;
///
/// let propagator = BaggagePropagator::new();
/// let baggage = "rate=100%25,tenant=acme%20corp;internal";
/// let headers = HashMap::from([("baggage".to_owned(), baggage.to_owned())]);
/// let context = propagator.extract(&headers);
/// assert_eq!(context.baggage().get("rate").unwrap().as_str(), "100%");
///
/// let mut out = HashMap::new();
/// propagator.inject_context(&context, &mut out);
/// assert_eq!(out, headers);
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct BaggagePropagator {
    _private: (),
}

impl BaggagePropagator {
    /// The propagator; there is nothing to configure.
    #[must_use]
    pub const fn new() -> Self {
        Self { _private: () }
    }
}

static FIELDS: LazyLock<[String; 1]> = LazyLock::new(|| [BAGGAGE.to_owned()]);

impl TextMapPropagator for BaggagePropagator {
    fn inject_context(&self, context: &Context, injector: &mut dyn Injector) {
        let baggage = context.baggage();
        if !baggage.is_empty() {
            let header = header(baggage);
            if !header.is_empty() {
                injector.set(BAGGAGE, header);
            }
        }
    }

    fn extract_with_context(&self, context: &Context, extractor: &dyn Extractor) -> Context {
        match extractor.get_all(BAGGAGE) {
            Some(lines) => extract(context.clone(), lines.into_iter()),
            None => context.clone(),
        }
    }

    fn fields(&self) -> FieldIter<'_> {
        FieldIter::new(FIELDS.as_slice())
    }
}

/// The header; empty if there is no member that can be written.
pub(super) fn header(baggage: &Baggage) -> String {
    let mut places = [None; MAX_MEMBERS];
    let mut count = 0;
    let mut complete = true;
    for (key, (value, properties)) in baggage {
        let member = Member::new(key.as_str(), value.as_str(), properties.as_str());
        match places.get_mut(count) {
            Some(place) if member.is_some() => {
                *place = member;
                count += 1;
            }
            _ => complete = false,
        }
    }
    let members = places.get_mut(..count).unwrap_or_default();
    members.sort_unstable();
    let mut bytes = 0;
    let mut fitting = 0;
    for member in members.iter().flatten() {
        let with_comma = bytes + usize::from(fitting > 0) + member.size();
        if with_comma > MAX_BYTES {
            complete = false;
            break;
        }
        bytes = with_comma;
        fitting += 1;
    }
    let mut header = String::with_capacity(bytes);
    for member in members.iter().flatten().take(fitting) {
        if !header.is_empty() {
            header.push(',');
        }
        member.write(&mut header);
    }
    if !complete {
        dropped::report(1, CarrierError::InvalidValue);
    }
    header
}

/// Reads the lines of a baggage, in their order, on top of `context`.
pub(super) fn extract<'a>(context: Context, lines: impl Iterator<Item = &'a str>) -> Context {
    let mut baggage = Baggage::new();
    let mut complete = true;
    let mut count = 0;
    let mut room = MAX_BYTES + 1;
    'lines: for line in lines {
        for text in line.split(',') {
            let Some(rest) = room.checked_sub(text.len() + 1) else {
                complete = false;
                break 'lines;
            };
            room = rest;
            if trim(text).is_empty() {
                continue;
            }
            let Some((key, value, properties)) = member::parse(text) else {
                complete = false;
                continue;
            };
            if count == MAX_MEMBERS {
                complete = false;
                break 'lines;
            }
            count += 1;
            baggage.insert_with_metadata(key.to_owned(), value, properties);
        }
    }
    if !complete {
        refuse(Refused::Baggage);
    }
    if baggage.is_empty() {
        context
    } else {
        context.with_baggage(baggage)
    }
}
