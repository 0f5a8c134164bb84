//! The header `tracestate` (Trace Context Level 2, section 3.3).

use super::trim;
use opentelemetry::trace::TraceState;

/// Section 3.3: a list has at most 32 members.
const MAX_MEMBERS: usize = 32;

/// What is read at most, all lines together: far more than the 512 characters that have to travel
/// (section 3.3, "tracestate Limits").
const MAX_BYTES: usize = 8192;

/// Reads the lines of a tracestate, in their order. `None` if any of it is invalid: then none of
/// it counts.
pub(super) fn parse<'a>(lines: impl Iterator<Item = &'a str>) -> Option<TraceState> {
    let mut members = Members::new();
    let mut bytes = 0;
    for line in lines {
        bytes += line.len() + 1;
        if bytes > MAX_BYTES + 1 {
            return None;
        }
        for member in line.split(',').map(trim) {
            // Allowed, because it is hard to know the empty value of several headers (section 3.3).
            if !member.is_empty() {
                let (key, value) = member.split_once('=')?;
                if !members.add(key, value) {
                    return None;
                }
            }
        }
    }
    // OpenTelemetry's own type refuses some keys that the specification allows.
    TraceState::from_key_value(members.as_slice().iter().copied()).ok()
}

/// The header, or nothing if there is no member that can be written. Also tells whether all could
/// be: OpenTelemetry's type holds whatever an application puts there.
pub(super) fn header(state: &TraceState) -> (String, bool) {
    let mut members = Members::new();
    let mut complete = true;
    for (key, value) in state {
        complete &= members.add(key, value);
    }
    let bytes = members.as_slice().iter();
    let mut header = String::with_capacity(bytes.map(|(k, v)| k.len() + v.len() + 2).sum());
    for (key, value) in members.as_slice() {
        if !header.is_empty() {
            header.push(',');
        }
        header.push_str(key);
        header.push('=');
        header.push_str(value);
    }
    (header, complete)
}

/// Valid members, each key once.
struct Members<'a> {
    members: [(&'a str, &'a str); MAX_MEMBERS],
    count: usize,
}

impl<'a> Members<'a> {
    fn new() -> Self {
        Self {
            members: [("", ""); MAX_MEMBERS],
            count: 0,
        }
    }

    fn as_slice(&self) -> &[(&'a str, &'a str)] {
        self.members.get(..self.count).unwrap_or_default()
    }

    /// Adds a member if it is valid, its key new and there is room.
    fn add(&mut self, key: &'a str, value: &'a str) -> bool {
        let is_new = self.as_slice().iter().all(|(known, _)| *known != key);
        let valid = is_new && is_key(key) && is_value(value);
        match self.members.get_mut(self.count) {
            Some(place) if valid => {
                *place = (key, value);
                self.count += 1;
                true
            }
            _ => false,
        }
    }
}

/// Section 3.3, "Key": `( lcalpha / DIGIT ) 0*255 ( keychar )`.
fn is_key(key: &str) -> bool {
    let keychar =
        |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'*' | b'/' | b'@');
    let key = key.as_bytes();
    key.len() <= 256
        && key
            .first()
            .is_some_and(|first| first.is_ascii_lowercase() || first.is_ascii_digit())
        && key.iter().fold(true, |valid, byte| valid & keychar(*byte))
}

/// Section 3.3, "Value": `0*255(chr) nblk-chr`, printable ASCII without `,` and `=` that does not
/// end in a space.
fn is_value(value: &str) -> bool {
    let chr = |byte: u8| (b' '..=b'~').contains(&byte) && byte != b',' && byte != b'=';
    let value = value.as_bytes();
    value.len() <= 256
        && value.last().is_some_and(|last| *last != b' ')
        && value.iter().fold(true, |valid, byte| valid & chr(*byte))
}
