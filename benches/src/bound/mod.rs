//! The lower bound: what the W3C rules and SECURITY.md's promises cost, written by hand for one client and nothing
//! else.
//!
//! Every rule that `otel_messaging` keeps is kept here too, or the comparison would be a false one;
//! what is missing is everything that makes it general: other clients, other propagators, policies. Where a message is
//! not as most are (a field stands there more than once, an old context has to go), the adapter's own rules decide:
//! that a message is not as most are has to be noticed here.

pub mod baggage;
pub mod random_flag;
mod read;
pub mod room;
pub mod traceparent;
pub mod tracestate;
mod write;

pub use read::{Came, Fields, came, read};
pub use write::write;

pub const TRACEPARENT: &str = "traceparent";
pub const TRACESTATE: &str = "tracestate";
pub const BAGGAGE: &str = "baggage";

/// The place of the field that has this name, in any spelling (SECURITY.md: one context replaces all that came in).
#[inline(always)]
pub fn field(name: &[u8]) -> Option<usize> {
    let (place, field) = match name.len() {
        11 => (0, TRACEPARENT),
        10 => (1, TRACESTATE),
        7 => (2, BAGGAGE),
        _ => return None,
    };
    // Most names of one of these lengths are told apart by one letter.
    let is_near = (name[0] ^ field.as_bytes()[0]) & !0x20 == 0;
    (is_near && (name == field.as_bytes() || is_spelling(name, field))).then_some(place)
}

#[cold]
fn is_spelling(name: &[u8], field: &str) -> bool {
    name.eq_ignore_ascii_case(field.as_bytes())
}

/// What a byte may be a part of.
mod class {
    pub(super) const KEY: u8 = 1;
    pub(super) const BAGGAGE_VALUE: u8 = 2;
    pub(super) const STATE_KEY: u8 = 4;
    pub(super) const STATE_VALUE: u8 = 8;
    /// Of a baggage value, and not the sign that begins an escape.
    pub(super) const PLAIN: u8 = 16;

    const TABLE: [u8; 256] = {
        let mut table = [0; 256];
        let mut byte = 0x20;
        while byte < 0x7f {
            let symbol = byte as u8;
            if !matches!(symbol, b',' | b'=') {
                table[byte] |= STATE_VALUE;
            }
            if !matches!(symbol, b' ' | b'"' | b',' | b';' | b'\\') {
                table[byte] |= BAGGAGE_VALUE;
                if symbol != b'%' {
                    table[byte] |= PLAIN;
                }
            }
            let alphanumeric = symbol.is_ascii_alphanumeric();
            if alphanumeric
                || matches!(
                    symbol,
                    b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+'
                )
                || matches!(symbol, b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~')
            {
                table[byte] |= KEY;
            }
            if (alphanumeric && !symbol.is_ascii_uppercase())
                || matches!(symbol, b'_' | b'-' | b'*' | b'/' | b'@')
            {
                table[byte] |= STATE_KEY;
            }
            byte += 1;
        }
        table
    };

    /// Where the bytes of this class end that begin at `start`.
    #[inline]
    pub(super) fn end(bytes: &[u8], start: usize, class: u8) -> usize {
        let rest = bytes.get(start..).unwrap_or_default();
        let others = rest.iter().position(|byte| !is(*byte, class));
        others.map_or(bytes.len(), |place| start + place)
    }

    #[inline]
    pub(super) fn is(byte: u8, class: u8) -> bool {
        TABLE[usize::from(byte)] & class != 0
    }
}
