//! `tracestate`, by the grammar of Trace Context Level 2.

use super::class::{self, STATE_KEY, STATE_VALUE};
use opentelemetry::trace::TraceState;

const MAX_MEMBERS: usize = 32;
const MAX_BYTES: usize = 8192;

#[inline]
pub fn format(state: &TraceState) -> Option<String> {
    let mut size = 0;
    for (key, value) in state {
        if !value.bytes().all(|byte| class::is(byte, STATE_VALUE)) {
            return None;
        }
        size += key.len() + value.len() + 2;
    }
    if size == 0 || size > MAX_BYTES {
        return None;
    }
    let mut header = String::with_capacity(size);
    for (key, value) in state {
        if !header.is_empty() {
            header.push(',');
        }
        header.push_str(key);
        header.push('=');
        header.push_str(value);
    }
    Some(header)
}

/// One pass over the bytes.
pub fn parse(header: &[u8]) -> Option<TraceState> {
    if header.len() > MAX_BYTES {
        return None;
    }
    let header = str::from_utf8(header).ok()?;
    let bytes = header.as_bytes();
    let mut members = [("", ""); MAX_MEMBERS];
    let mut count = 0;
    let mut place = 0;
    while place < bytes.len() {
        if let b' ' | b'\t' | b',' = bytes[place] {
            place += 1;
            continue;
        }
        let start = place;
        place = class::end(bytes, place, STATE_KEY);
        if bytes.get(place) != Some(&b'=') || !(1..=256).contains(&(place - start)) {
            return None;
        }
        let key = header.get(start..place)?;
        let start = place + 1;
        place = class::end(bytes, start, STATE_VALUE);
        let value = header.get(start..place)?.trim_end_matches(' ');
        while bytes
            .get(place)
            .is_some_and(|byte| matches!(byte, b' ' | b'\t'))
        {
            place += 1;
        }
        let ends = bytes.get(place).is_none_or(|byte| *byte == b',');
        if !ends || !(1..=256).contains(&value.len()) || !key.as_bytes()[0].is_ascii_alphanumeric()
        {
            return None;
        }
        if members[..count].iter().any(|(known, _)| *known == key) {
            continue;
        }
        *members.get_mut(count)? = (key, value);
        count += 1;
    }
    TraceState::from_key_value(members[..count].iter().copied()).ok()
}
