//! W3C Baggage as an OpenTelemetry propagator.

use crate::field::baggage_member::{self as member, AnyMember, Member};
use crate::field::name::BAGGAGE;
use crate::field::space::trim;
use crate::loss::count::{refuse, report};
use crate::loss::reason::{CarrierError, Refused};
use opentelemetry::Context;
use opentelemetry::baggage::{Baggage, BaggageExt};
use opentelemetry::propagation::text_map_propagator::FieldIter;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use std::collections::HashMap;
use std::sync::LazyLock;

/// What a platform has to propagate at least (W3C Baggage, "Limits"), both counted on the encoded
/// form.
const MAX_MEMBERS: usize = 64;
const MAX_BYTES: usize = 8192;

/// Reads and writes the header `baggage` of [W3C Baggage](https://www.w3.org/TR/baggage/).
///
/// # Reading
///
/// - Keys are tokens and never decoded. Values are percent-decoded once, as UTF-8; bytes that are not
///   UTF-8 become U+FFFD. Properties are passed on unchanged, except that a tab becomes a space. Several
///   headers count as one list.
/// - A malformed member is skipped, and the others count. A malformed property is left out, and its
///   member counts. Empty members and empty properties are passed over: `a=1;` is `a=1`.
/// - If a key occurs more than once, its last value counts.
/// - At most 64 keys and 8,192 bytes are read. The bytes of the keys, the encoded values, the properties
///   and the separators count, without optional white space. If a member does not fit, only that member
///   is left out.
/// - If no member is valid, the baggage that is already in the context stays.
///
/// [`refused_fields`](crate::loss::refused_fields) counts everything that was not used, except earlier
/// values of a repeated key. Time and memory are linear in the size of the header.
///
/// # Writing
///
/// - One header is written, its members ordered by key, because OpenTelemetry's type does not keep their
///   order. Characters that the grammar does not allow in a value are percent-encoded, and `%` too.
/// - A member whose properties are malformed is left out, and so is a member with which the header
///   would exceed 8,192 bytes. Both are counted in [`dropped_fields`](crate::loss::dropped_fields).
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
            Some(lines) => extract(context.clone(), lines.iter().copied()),
            None => context.clone(),
        }
    }

    fn fields(&self) -> FieldIter<'_> {
        FieldIter::new(FIELDS.as_slice())
    }
}

/// The header; empty if there is no member that can be written.
pub(crate) fn header(baggage: &Baggage) -> String {
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
    for place in &mut *members {
        let size = place.as_ref().map_or(0, Member::size);
        let with_comma = bytes + usize::from(bytes > 0) + size;
        if with_comma > MAX_BYTES {
            *place = None;
            complete = false;
        } else {
            bytes = with_comma;
        }
    }
    let mut header = String::with_capacity(bytes);
    for member in members.iter().flatten() {
        if !header.is_empty() {
            header.push(',');
        }
        member.write(&mut header);
    }
    if !complete {
        report(1, CarrierError::InvalidValue);
    }
    header
}

/// Reads the lines of a baggage, in their order, on top of `context`.
pub(crate) fn extract<'a>(
    context: Context,
    lines: impl Iterator<Item = &'a str> + Clone,
) -> Context {
    let (baggage, complete) = read(lines.clone()).unwrap_or_else(|| read_any(lines));
    if !complete {
        refuse(Refused::Baggage);
    }
    if baggage.is_empty() {
        context
    } else {
        context.with_baggage(baggage)
    }
}

/// Reads what most messages carry, and tells whether that is all of it. `None` where
/// [`read_any`] has to decide: at a limit, and where a key stands there twice.
#[inline]
fn read<'a>(lines: impl Iterator<Item = &'a str>) -> Option<(Baggage, bool)> {
    let mut baggage = Baggage::new();
    let mut complete = true;
    let mut count = 0;
    let mut room = MAX_BYTES + 1;
    for line in lines {
        for text in line.split(',') {
            room = room.checked_sub(text.len() + 1)?;
            if trim(text).is_empty() {
                continue;
            }
            let earlier = if let Some((key, value, properties)) = member::parse(text) {
                baggage.insert_with_metadata(key.to_owned(), value, properties)
            } else if let Some(member) = AnyMember::parse(text) {
                complete &= member.is_complete;
                member.insert_into(&mut baggage)
            } else {
                complete = false;
                continue;
            };
            count += 1;
            if earlier.is_some() || count > MAX_MEMBERS {
                return None;
            }
        }
    }
    Some((baggage, complete))
}

/// Reads by all of the rules. The work is bounded by the message: a member that is read is looked
/// at once, and at most 64 are held.
#[cold]
fn read_any<'a>(lines: impl Iterator<Item = &'a str>) -> (Baggage, bool) {
    let mut members: HashMap<&str, AnyMember<'_>> = HashMap::new();
    let mut complete = true;
    let mut room = MAX_BYTES + 1;
    for text in lines.flat_map(|line| line.split(',')) {
        if trim(text).is_empty() {
            continue;
        }
        let Some(member) = AnyMember::parse(text) else {
            complete = false;
            continue;
        };
        complete &= member.is_complete;
        // The last value of a key counts. An earlier one does not come back where there is no room
        // for the last: it is not what the sender says.
        if let Some(earlier) = members.remove(member.key) {
            room += earlier.size() + 1;
        }
        match room.checked_sub(member.size() + 1) {
            Some(rest) if members.len() < MAX_MEMBERS => {
                room = rest;
                members.insert(member.key, member);
            }
            _ => complete = false,
        }
    }
    let mut baggage = Baggage::new();
    for member in members.into_values() {
        member.insert_into(&mut baggage);
    }
    (baggage, complete)
}
