//! The header `tracestate` (Trace Context Level 2, section 3.3).

use crate::field::character::{CHR, KEYCHAR, OWS, is};
use opentelemetry::trace::TraceState;

/// Section 3.3: a list has at most 32 members.
const MAX_MEMBERS: usize = 32;

/// What is read and written at most, all lines together: far more than the 512 characters that have to travel
/// (section 3.3, "tracestate Limits").
const MAX_BYTES: usize = 8192;

/// Reads the lines of a tracestate, in their order. `None` if any of it is invalid: then none of it
/// counts. If a key occurs more than once, its first entry counts.
pub(crate) fn parse<'a>(lines: impl Iterator<Item = &'a str>) -> Option<TraceState> {
    let mut members = [("", ""); MAX_MEMBERS];
    let mut count = 0;
    let mut bytes = 0;
    for line in lines {
        bytes += line.len() + 1;
        if bytes > MAX_BYTES + 1 {
            return None;
        }
        let mut rest = line;
        while !rest.is_empty() {
            let (member, after) = next_member(rest)?;
            rest = after;
            // Allowed, because it is hard to know the empty value of several headers (section 3.3).
            let Some((key, value)) = member else {
                continue;
            };
            // The first entry is the newest, and a sender may leave an older one behind it.
            if members.iter().take(count).any(|(known, _)| *known == key) {
                continue;
            }
            *members.get_mut(count)? = (key, value);
            count += 1;
        }
    }
    // OpenTelemetry's own type refuses some keys that the specification allows.
    TraceState::from_key_value(members.into_iter().take(count)).ok()
}

/// The first member of a list, if there is anything in it, and what stands behind its comma.
fn next_member(list: &str) -> Option<(Option<(&str, &str)>, &str)> {
    let text = list.as_bytes();
    let is_at = |at: usize, class: u8| text.get(at).is_some_and(|byte| is(*byte, class));
    let mut at = 0;
    while is_at(at, OWS) {
        at += 1;
    }
    let start = at;
    while is_at(at, KEYCHAR) {
        at += 1;
    }
    let key = list.get(start..at)?;
    let mut member = None;
    if !key.is_empty() {
        if text.get(at) != Some(&b'=') {
            return None;
        }
        at += 1;
        let start = at;
        while is_at(at, CHR) {
            at += 1;
        }
        // Spaces at its end belong to what surrounds the member.
        let value = list.get(start..at)?.trim_end_matches(' ');
        if !is_key(key) || value.is_empty() || value.len() > MAX_PART {
            return None;
        }
        member = Some((key, value));
        while is_at(at, OWS) {
            at += 1;
        }
    }
    match text.get(at) {
        None => Some((member, "")),
        Some(b',') => Some((member, list.get(at + 1..)?)),
        Some(_) => None,
    }
}

/// The header, or nothing if there is no member that can be written. Also tells whether all could
/// be: OpenTelemetry's type sees to the keys, but takes almost any value, and a key twice.
pub(crate) fn header(state: &TraceState) -> (String, bool) {
    let size = state.into_iter().map(|(k, v)| k.len() + v.len() + 2).sum();
    let mut header = String::with_capacity(size);
    let mut complete = true;
    let mut keys = [""; MAX_MEMBERS];
    for (place, (key, value)) in (0..).zip(state) {
        let (known, rest) = keys.split_at_mut_checked(place).unwrap_or_default();
        let is_new = known.iter().all(|known| *known != key);
        if key.is_empty() || !is_value(value) || !is_new {
            complete = false;
            continue;
        }
        if let Some(place) = rest.first_mut() {
            *place = key;
        }
        if !header.is_empty() {
            header.push(',');
        }
        header.push_str(key);
        header.push('=');
        header.push_str(value);
    }
    if header.len() > MAX_BYTES {
        header = shorten(&header, MAX_BYTES);
        complete = false;
    }
    (header, complete)
}

/// Takes entries out of a header until it fits into `room` bytes: those of more than 128 characters
/// first, and of both kinds the last first (section 3.3, "tracestate Limits").
#[cold]
pub(crate) fn shorten(header: &str, room: usize) -> String {
    let mut excess = header.len().saturating_sub(room);
    let mut entries: Vec<&str> = header.split(',').collect();
    for least in [LARGE + 1, 1] {
        for entry in entries.iter_mut().rev() {
            if excess > 0 && entry.len() >= least {
                excess = excess.saturating_sub(entry.len() + 1);
                *entry = "";
            }
        }
    }
    entries.retain(|entry| !entry.is_empty());
    entries.join(",")
}

/// An entry of more characters goes first.
const LARGE: usize = 128;

/// Section 3.3, "Key": `( lcalpha / DIGIT ) 0*255 ( keychar )`, of characters that are known to be
/// `keychar`.
fn is_key(key: &str) -> bool {
    let first = key.as_bytes().first();
    key.len() <= MAX_PART && first.is_some_and(u8::is_ascii_alphanumeric)
}

/// Section 3.3, "Value": `0*255(chr) nblk-chr`, printable ASCII without `,` and `=` that does not
/// end in a space.
fn is_value(value: &str) -> bool {
    let value = value.as_bytes();
    value.len() <= MAX_PART
        && value.last().is_some_and(|last| *last != b' ')
        && value.iter().all(|byte| is(*byte, CHR))
}

/// The most bytes of a key, and of a value.
const MAX_PART: usize = 256;
