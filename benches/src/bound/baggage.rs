//! `baggage`: percent-encoded out in the order of the keys, decoded once in.

use super::class::{self, BAGGAGE_VALUE, KEY};
use opentelemetry::Key;
use opentelemetry::baggage::{Baggage, BaggageMetadata};
use opentelemetry::StringValue;

const MAX_MEMBERS: usize = 64;
const MAX_BYTES: usize = 8192;

type Member<'a> = (&'a Key, &'a (StringValue, BaggageMetadata));

#[inline]
pub fn format(baggage: &Baggage) -> Option<String> {
    if baggage.is_empty() {
        return None;
    }
    let mut members: [Option<Member<'_>>; MAX_MEMBERS] = [None; MAX_MEMBERS];
    let mut count = 0;
    let mut size = 0;
    for (place, member) in members.iter_mut().zip(baggage) {
        let (key, (value, properties)) = member;
        let escapes = value.as_str().bytes().filter(|byte| !travels(*byte));
        size += key.as_str().len() + value.as_str().len() + 2 * escapes.count();
        size += properties.as_str().len() + 3;
        *place = Some(member);
        count += 1;
    }
    let members = &mut members[..count];
    members.sort_unstable_by_key(|member| member.map(|(key, _)| key.as_str()));
    let mut header = String::with_capacity(size.min(MAX_BYTES));
    for (key, (value, properties)) in members.iter().flatten() {
        let start = header.len();
        if start > 0 {
            header.push(',');
        }
        header.push_str(key.as_str());
        header.push('=');
        encode(value.as_str(), &mut header);
        let properties = properties.as_str();
        if !properties.is_empty() {
            header.push(';');
            header.push_str(properties);
        }
        if header.len() > MAX_BYTES || !are_properties(properties.as_bytes()) {
            header.truncate(start);
        }
    }
    (!header.is_empty()).then_some(header)
}

fn encode(value: &str, header: &mut String) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    if value.bytes().all(travels) {
        header.push_str(value);
        return;
    }
    for byte in value.bytes() {
        if travels(byte) {
            header.push(char::from(byte));
        } else {
            header.push('%');
            header.push(char::from(HEX[usize::from(byte >> 4)]));
            header.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
}

#[inline]
fn travels(byte: u8) -> bool {
    byte != b'%' && class::is(byte, BAGGAGE_VALUE)
}

fn are_properties(properties: &[u8]) -> bool {
    let allowed = |byte: &u8| {
        class::is(*byte, BAGGAGE_VALUE) || matches!(byte, b';' | b' ' | b'\t')
    };
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

fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

fn decode(value: &str) -> String {
    if !value.contains('%') {
        return value.to_owned();
    }
    let mut bytes = Vec::with_capacity(value.len());
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
