//! `baggage`: percent-encoded out in the order of the keys, decoded once in.

use super::class::{self, BAGGAGE_VALUE, KEY, PLAIN};
use opentelemetry::StringValue;
use opentelemetry::baggage::{Baggage, BaggageMetadata};
use std::cmp::Ordering;

const MAX_MEMBERS: usize = 64;
const MAX_BYTES: usize = 8192;

#[derive(Clone, Copy)]
struct Member<'a> {
    /// The first bytes of the key: they settle most comparisons.
    prefix: u64,
    key: &'a str,
    content: &'a (StringValue, BaggageMetadata),
    /// Of the value.
    escapes: usize,
}

#[inline]
pub fn format(baggage: &Baggage) -> Option<String> {
    if baggage.is_empty() {
        return None;
    }
    let mut members: [Option<Member<'_>>; MAX_MEMBERS] = [None; MAX_MEMBERS];
    let mut count = 0;
    let mut size = 0;
    for (key, content) in baggage {
        let key = key.as_str();
        let (value, properties) = (content.0.as_str(), content.1.as_str());
        let plain = value.bytes().filter(|byte| class::is(*byte, PLAIN));
        let escapes = value.len() - plain.count();
        size += key.len() + value.len() + 2 * escapes + 2;
        if !properties.is_empty() {
            if !are_properties(properties.as_bytes()) {
                continue;
            }
            size += properties.len() + 1;
        }
        *members.get_mut(count)? = Some(Member {
            prefix: prefix(key),
            key,
            content,
            escapes,
        });
        count += 1;
    }
    let members = &mut members[..count];
    members.sort_unstable_by(|a, b| match (a, b) {
        (Some(a), Some(b)) => a.prefix.cmp(&b.prefix).then_with(|| a.key.cmp(b.key)),
        _ => Ordering::Equal,
    });
    let mut header = String::with_capacity(size.min(MAX_BYTES));
    for member in members.iter().flatten() {
        let before = header.len();
        if before > 0 {
            header.push(',');
        }
        header.push_str(member.key);
        header.push('=');
        let value = member.content.0.as_str();
        if member.escapes == 0 {
            header.push_str(value);
        } else {
            encode(value, &mut header);
        }
        let properties = member.content.1.as_str();
        if !properties.is_empty() {
            header.push(';');
            header.push_str(properties);
        }
        if header.len() > MAX_BYTES {
            header.truncate(before);
        }
    }
    Some(header)
}

#[inline]
fn prefix(key: &str) -> u64 {
    if let Some(first) = key.as_bytes().first_chunk::<8>() {
        return u64::from_be_bytes(*first);
    }
    let mut first = [0; 8];
    first[..key.len()].copy_from_slice(key.as_bytes());
    u64::from_be_bytes(first)
}

#[inline]
fn encode(value: &str, header: &mut String) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    // Runs of what travels as it is are copied at once.
    let mut start = 0;
    for (place, byte) in value.bytes().enumerate() {
        if !class::is(byte, PLAIN) {
            header.push_str(value.get(start..place).unwrap_or_default());
            header.push('%');
            header.push(char::from(HEX[usize::from(byte >> 4)]));
            header.push(char::from(HEX[usize::from(byte & 15)]));
            start = place + 1;
        }
    }
    header.push_str(value.get(start..).unwrap_or_default());
}

fn are_properties(properties: &[u8]) -> bool {
    let allowed =
        |byte: &u8| class::is(*byte, BAGGAGE_VALUE) || matches!(byte, b';' | b' ' | b'\t');
    properties.iter().all(allowed)
}

/// One pass over the bytes.
pub fn parse(header: &[u8]) -> Option<Baggage> {
    let header = str::from_utf8(header).ok()?;
    let bytes = header.as_bytes();
    let mut baggage = Baggage::new();
    let mut start = 0;
    while start < bytes.len().min(MAX_BYTES) && baggage.len() < MAX_MEMBERS {
        let (member, end) = member(header, start);
        if end > MAX_BYTES {
            break;
        }
        if let Some((key, value, properties)) = member {
            baggage.insert_with_metadata(key.to_owned(), decode(value), properties);
        }
        start = end + 1;
    }
    (!baggage.is_empty()).then_some(baggage)
}

/// The member at `start`, if it is a good one, and where it ends.
#[inline]
fn member(header: &str, start: usize) -> (Option<(&str, &str, &str)>, usize) {
    let bytes = header.as_bytes();
    let is_next = |place: usize, byte: u8| bytes.get(place) == Some(&byte);
    let from = space(bytes, start);
    let key = from..class::end(bytes, from, KEY);
    let equals = space(bytes, key.end);
    if !key.is_empty() && is_next(equals, b'=') {
        let from = space(bytes, equals + 1);
        let value = from..class::end(bytes, from, BAGGAGE_VALUE);
        let end = space(bytes, value.end);
        let (key, value) = (header.get(key), header.get(value));
        if end == bytes.len() || is_next(end, b',') {
            return (key.zip(value).map(|(key, value)| (key, value, "")), end);
        }
        let comma = comma(bytes, end);
        if is_next(end, b';') {
            let properties = header.get(end + 1..comma).unwrap_or_default();
            let properties = properties.trim_matches([' ', '\t']);
            let good = are_properties(properties.as_bytes());
            let member = key.zip(value).map(|(key, value)| (key, value, properties));
            return (member.filter(|_| good), comma);
        }
        return (None, comma);
    }
    (None, comma(bytes, key.end))
}

#[inline]
fn space(bytes: &[u8], mut place: usize) -> usize {
    while bytes
        .get(place)
        .is_some_and(|byte| matches!(byte, b' ' | b'\t'))
    {
        place += 1;
    }
    place
}

fn comma(bytes: &[u8], start: usize) -> usize {
    let rest = bytes.get(start..).unwrap_or_default();
    let comma = rest.iter().position(|byte| *byte == b',');
    comma.map_or(bytes.len(), |place| start + place)
}

fn decode(value: &str) -> String {
    let escapes = value.bytes().filter(|byte| *byte == b'%').count();
    if escapes == 0 {
        return value.to_owned();
    }
    // Of the right size, or OpenTelemetry's type makes a copy.
    let mut bytes = Vec::with_capacity(value.len().saturating_sub(2 * escapes));
    let mut rest = value.as_bytes();
    while let [first, tail @ ..] = rest {
        let escaped = match (first, tail) {
            (b'%', [high, low, after @ ..]) => digit(*high).zip(digit(*low)).map(|d| (d, after)),
            _ => None,
        };
        if let Some(((high, low), after)) = escaped {
            bytes.push(high << 4 | low);
            rest = after;
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    match String::from_utf8(bytes) {
        Ok(value) => value,
        Err(broken) => String::from_utf8_lossy(broken.as_bytes()).into_owned(),
    }
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}
