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

pub fn parse(header: &[u8]) -> Option<TraceState> {
    if header.len() > MAX_BYTES {
        return None;
    }
    let header = str::from_utf8(header).ok()?;
    let mut members = [("", ""); MAX_MEMBERS];
    let mut count = 0;
    let mut rest = header;
    loop {
        let (member, after) = match rest.split_once(',') {
            Some((member, after)) => (member, Some(after)),
            None => (rest, None),
        };
        let member = member.trim_matches([' ', '\t']);
        if !member.is_empty() {
            let (key, value) = member.split_once('=')?;
            if !is_key(key.as_bytes()) || !is_value(value.as_bytes()) {
                return None;
            }
            if members[..count].iter().any(|(known, _)| *known == key) {
                return None;
            }
            *members.get_mut(count)? = (key, value);
            count += 1;
        }
        match after {
            Some(after) => rest = after,
            None => break,
        }
    }
    TraceState::from_key_value(members[..count].iter().copied()).ok()
}

fn is_key(key: &[u8]) -> bool {
    let first = key.first().is_some_and(u8::is_ascii_alphanumeric);
    first && key.len() <= 256 && key.iter().all(|byte| class::is(*byte, STATE_KEY))
}

fn is_value(value: &[u8]) -> bool {
    let length = (1..=256).contains(&value.len());
    length && value.iter().all(|byte| class::is(*byte, STATE_VALUE))
}
