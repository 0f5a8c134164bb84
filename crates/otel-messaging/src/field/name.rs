//! The names of the fields.

use crate::field::traceparent;

pub(crate) const TRACEPARENT: &str = "traceparent";
pub(crate) const TRACESTATE: &str = "tracestate";
pub(crate) const BAGGAGE: &str = "baggage";

/// The fields of W3C's pair, in the order in which they are written.
pub(crate) const FIELDS: [&str; 3] = [TRACEPARENT, TRACESTATE, BAGGAGE];

/// The size of a traceparent with its name, in bytes.
pub(crate) const TRACEPARENT_SIZE: usize = TRACEPARENT.len() + traceparent::LENGTH;

/// Whether a header's name is this one, in any spelling: for carriers that look through many
/// headers, most of which differ in length or in the first or last letter.
#[inline]
pub fn is_name(key: &[u8], name: &str) -> bool {
    let name = name.as_bytes();
    let is_one_letter = |a: Option<&u8>, b: Option<&u8>| match (a, b) {
        (Some(a), Some(b)) => (a ^ b) & !0x20 == 0,
        _ => true,
    };
    key.len() == name.len()
        && is_one_letter(key.last(), name.last())
        && is_one_letter(key.first(), name.first())
        && (key == name || is_spelling(key, name))
}

#[cold]
fn is_spelling(key: &[u8], name: &[u8]) -> bool {
    key.eq_ignore_ascii_case(name)
}
