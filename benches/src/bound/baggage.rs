//! `baggage`: percent-encoded out in the order of the keys, decoded once in.

use super::class::{self, BAGGAGE_VALUE, KEY};
use opentelemetry::StringValue;
use opentelemetry::baggage::{Baggage, BaggageMetadata};

const MAX_MEMBERS: usize = 64;
const MAX_BYTES: usize = 8192;

/// The first bytes of the key, for a cheap comparison, and the member.
type Member<'a> = (u64, &'a str, Option<&'a (StringValue, BaggageMetadata)>);

#[inline]
pub fn format(baggage: &Baggage) -> Option<String> {
    if baggage.is_empty() {
        return None;
    }
    let mut members: [Member<'_>; MAX_MEMBERS] = [(0, "", None); MAX_MEMBERS];
    let mut count = 0;
    let mut size = 0;
    for (place, (key, content)) in members.iter_mut().zip(baggage) {
        let key = key.as_str();
        let (value, properties) = (content.0.as_str(), content.1.as_str());
        size += key.len() + value.len() + 2 * escapes(value) + 2;
        if !properties.is_empty() {
            if !are_properties(properties.as_bytes()) {
                continue;
            }
            size += properties.len() + 1;
        }
        *place = (prefix(key), key, Some(content));
        count += 1;
    }
    let members = &mut members[..count];
    members.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| a.1.cmp(b.1)));
    let mut header = String::with_capacity(size.min(MAX_BYTES));
    for (_, key, content) in members {
        let Some((value, properties)) = content else {
            continue;
        };
        let (value, properties) = (value.as_str(), properties.as_str());
        let before = header.len();
        if before > 0 {
            header.push(',');
        }
        header.push_str(key);
        header.push('=');
        encode(value, &mut header);
        if !properties.is_empty() {
            header.push(';');
            header.push_str(properties);
        }
        if header.len() > MAX_BYTES {
            header.truncate(before);
            break;
        }
    }
    Some(header)
}

#[inline]
fn prefix(key: &str) -> u64 {
    match key.as_bytes().first_chunk::<8>() {
        Some(first) => u64::from_be_bytes(*first),
        None => key.bytes().fold(0, |all, byte| all << 8 | u64::from(byte)) << (64 - 8 * key.len()),
    }
}

#[inline]
fn escapes(value: &str) -> usize {
    value.bytes().filter(|byte| !travels(*byte)).count()
}

#[inline]
fn encode(value: &str, header: &mut String) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    // Runs of what travels as it is are copied at once.
    let mut start = 0;
    for (place, byte) in value.bytes().enumerate() {
        if !travels(byte) {
            let digits = [HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]];
            header.push_str(value.get(start..place).unwrap_or_default());
            header.push('%');
            header.push_str(str::from_utf8(&digits).unwrap_or_default());
            start = place + 1;
        }
    }
    header.push_str(value.get(start..).unwrap_or_default());
}

#[inline]
fn travels(byte: u8) -> bool {
    byte != b'%' && class::is(byte, BAGGAGE_VALUE)
}

fn are_properties(properties: &[u8]) -> bool {
    let allowed =
        |byte: &u8| class::is(*byte, BAGGAGE_VALUE) || matches!(byte, b';' | b' ' | b'\t');
    properties.iter().all(allowed)
}

pub fn parse(header: &[u8]) -> Option<Baggage> {
    let header = str::from_utf8(header).ok()?;
    let mut baggage = Baggage::new();
    let mut size = 0;
    for member in header.split(',') {
        size += member.len() + 1;
        if size > MAX_BYTES + 1 || baggage.len() == MAX_MEMBERS {
            break;
        }
        let (pair, properties) = member.split_once(';').unwrap_or((member, ""));
        let Some((key, value)) = pair.split_once('=') else {
            continue;
        };
        let (key, value, properties) = (trim(key), trim(value), trim(properties));
        if !key.is_empty()
            && key.bytes().all(|byte| class::is(byte, KEY))
            && value.bytes().all(|byte| class::is(byte, BAGGAGE_VALUE))
            && are_properties(properties.as_bytes())
        {
            baggage.insert_with_metadata(key.to_owned(), decode(value), properties);
        }
    }
    (!baggage.is_empty()).then_some(baggage)
}

#[inline]
fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
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
