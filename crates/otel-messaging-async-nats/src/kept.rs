//! The context that a message keeps when it is forwarded: the spelling of a name that is missing.

use crate::header_name::{DISABLED, TRACEPARENT, canonical, text};
use crate::spelling::Spelling;
use crate::wire_size::{left_of, of_header};
use async_nats::header::{HeaderMap, HeaderName, HeaderValue};
use otel_messaging::Instrumentation;
use otel_messaging::adapter::{CarrierError, count_dropped_fields};

/// Adds the spelling that is missing to the headers of a message that keeps its context: beside
/// title case the propagator's own, and with [`Spelling::Both`] title case beside that. It adds all that
/// is missing, or nothing if the room is too small for that.
pub(crate) fn complete(
    spelling: Spelling,
    headers: &mut HeaderMap,
    by: &Instrumentation,
    room: usize,
) {
    let may_be_title = |key: &str| {
        key.starts_with(|first: char| first.is_ascii_uppercase()) && !key.starts_with("Nats-")
    };
    let is_needed = match spelling {
        Spelling::AsReceived => headers.iter().any(|(key, _)| may_be_title(text(key))),
        Spelling::Lower => false,
        Spelling::Both => true,
    };
    if is_needed {
        add_missing(spelling, headers, by, room);
    }
}

#[cold]
fn add_missing(spelling: Spelling, headers: &mut HeaderMap, by: &Instrumentation, room: usize) {
    let [lower, title] = [TRACEPARENT, "Traceparent"].map(|name| exact(headers, name));
    if lower.is_some() && title.is_some() && lower != title {
        // Two hops of one trace: what stands in one spelling belongs to one of them.
        return;
    }
    let mut missing: Vec<(HeaderName, Vec<HeaderValue>)> = Vec::new();
    by.each_field(|field| {
        let canonical = canonical(field);
        let [own, title] = [field, &*canonical].map(|name| exact(headers, name));
        let disabled = || exact(headers, DISABLED).filter(|_| field == TRACEPARENT);
        let Some(values) = own.or(title).or_else(disabled) else {
            return;
        };
        let mut add = |name: &str| {
            let name = name.parse().ok();
            missing.extend(name.map(|name| (name, values.to_vec())));
        };
        if own.is_none() {
            add(field);
        }
        if title.is_none() && canonical != field && spelling == Spelling::Both {
            add(&canonical);
        }
    });
    let sizes = missing.iter().flat_map(|(name, values)| {
        let size = |value: &HeaderValue| of_header(text(name), value.as_str());
        values.iter().map(size)
    });
    if left_of(headers, room).is_none_or(|left| sizes.sum::<usize>() > left) {
        count_dropped_fields(missing.len() as u64, CarrierError::TooLarge);
        return;
    }
    for (name, values) in missing {
        for value in values {
            headers.append(name.clone(), value);
        }
    }
}

/// What stands under exactly this name.
fn exact<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a [HeaderValue]> {
    let mut named = headers.iter().filter(|(key, _)| text(key) == name);
    named.next().map(|(_, values)| &**values)
}

#[cfg(test)]
mod tests;
