//! `traceparent` (W3C Trace Context Level 2, section 3.2).

use crate::explain::breach::Breach;
use crate::explain::piece::Piece;
use crate::explain::rule::Rule;
use std::ops::Range;

/// Of version 00, in bytes.
const LENGTH: usize = 55;

const VERSION: Range<usize> = 0..2;
const TRACE_ID: Range<usize> = 3..35;
const PARENT_ID: Range<usize> = 36..52;
const FLAGS: Range<usize> = 53..55;

/// The first rule that a value breaks. `None` exactly where otel-messaging reads a sender from it.
pub(crate) fn check(value: &str) -> Option<Breach> {
    let value = Piece::whole(value).trim();
    if value.text.is_empty() {
        return Some(value.breaks(Rule::TraceparentEmpty));
    }
    digits(value, VERSION, Rule::VersionDigits)
        .or_else(|| only(value, VERSION, b'f', Rule::VersionFf))
        .or_else(|| dash(value, VERSION.end))
        .or_else(|| digits(value, TRACE_ID, Rule::TraceIdDigits))
        .or_else(|| only(value, TRACE_ID, b'0', Rule::TraceIdZero))
        .or_else(|| dash(value, TRACE_ID.end))
        .or_else(|| digits(value, PARENT_ID, Rule::ParentIdDigits))
        .or_else(|| only(value, PARENT_ID, b'0', Rule::ParentIdZero))
        .or_else(|| dash(value, PARENT_ID.end))
        .or_else(|| digits(value, FLAGS, Rule::FlagsDigits))
        .or_else(|| rest(value))
}

fn digits(value: Piece<'_>, range: Range<usize>, rule: Rule) -> Option<Breach> {
    let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let field = value.text.as_bytes().get(range.start..).unwrap_or_default();
    let field = field.get(..range.len()).unwrap_or(field);
    match field.iter().position(|byte| !is_digit(byte)) {
        Some(at) => Some(character(value, range.start + at, rule)),
        None if field.len() < range.len() => Some(short(value)),
        None => None,
    }
}

fn dash(value: Piece<'_>, at: usize) -> Option<Breach> {
    match value.text.as_bytes().get(at) {
        Some(b'-') => None,
        Some(_) => Some(character(value, at, Rule::TraceparentDash)),
        None => Some(short(value)),
    }
}

/// Whether a field has nothing but this digit.
fn only(value: Piece<'_>, range: Range<usize>, digit: u8, rule: Rule) -> Option<Breach> {
    let field = value.text.as_bytes().get(range.clone())?;
    let start = value.start + range.start;
    let is_broken = field.iter().all(|byte| *byte == digit);
    is_broken.then(|| Breach::new(rule, start, start + range.len()))
}

fn rest(value: Piece<'_>) -> Option<Breach> {
    let first = *value.text.as_bytes().get(LENGTH)?;
    if value.text.starts_with("00") {
        let start = value.start + LENGTH;
        return Some(Breach::new(Rule::TraceparentLong, start, value.end()));
    }
    (first != b'-').then(|| character(value, LENGTH, Rule::HigherVersionDash))
}

/// The character that begins at this byte, behind ASCII alone.
fn character(value: Piece<'_>, at: usize, rule: Rule) -> Breach {
    let character = value.text.get(at..).and_then(|rest| rest.chars().next());
    let start = value.start + at;
    Breach::new(rule, start, start + character.map_or(1, char::len_utf8))
}

fn short(value: Piece<'_>) -> Breach {
    Breach::new(Rule::TraceparentShort, value.end(), value.end())
}
