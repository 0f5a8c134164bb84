//! One member of a baggage (W3C Baggage, "Definition"): a key, a value, properties.

use crate::field::character::{OCTET, PLAIN, TOKEN, is};
use crate::field::hex::{UPPER_PAIRS, parse2};
use crate::field::space::trim;
use opentelemetry::StringValue;
use opentelemetry::baggage::{Baggage, BaggageMetadata};
use std::cmp::Ordering;

/// A member that goes out. It compares by its key.
#[derive(Clone, Copy)]
pub(crate) struct Member<'a> {
    /// The key's first bytes as a number, which decides most comparisons.
    prefix: u64,
    key: &'a str,
    value: &'a str,
    properties: &'a str,
    /// Of the value once encoded, in bytes.
    encoded: usize,
}

impl<'a> Member<'a> {
    /// `None` if the properties are malformed: they cannot be encoded, and without them the member
    /// would say something else. (OpenTelemetry's baggage holds valid keys only.)
    pub(crate) fn new(key: &'a str, value: &'a str, properties: &'a str) -> Option<Self> {
        let mut prefix = [0; 8];
        for (place, byte) in prefix.iter_mut().zip(key.bytes()) {
            *place = byte;
        }
        let encoded = value
            .bytes()
            .map(|byte| if is(byte, PLAIN) { 1 } else { 3 });
        (properties.is_empty() || are_properties(properties)).then(|| Self {
            prefix: u64::from_be_bytes(prefix),
            key,
            value,
            properties,
            encoded: encoded.sum(),
        })
    }

    /// In bytes.
    pub(crate) fn size(&self) -> usize {
        let properties = match self.properties.len() {
            0 => 0,
            length => 1 + length,
        };
        self.key.len() + 1 + self.encoded + properties
    }

    pub(crate) fn write(&self, header: &mut String) {
        header.push_str(self.key);
        header.push('=');
        if self.encoded == self.value.len() {
            header.push_str(self.value);
        } else {
            encode(self.value, header);
        }
        if !self.properties.is_empty() {
            header.push(';');
            // A tab is white space there, but no client needs to see a control character.
            match self.properties.contains('\t') {
                false => header.push_str(self.properties),
                true => header.push_str(&self.properties.replace('\t', " ")),
            }
        }
    }
}

impl Ord for Member<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.prefix
            .cmp(&other.prefix)
            .then_with(|| self.key.cmp(other.key))
    }
}

impl PartialOrd for Member<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Member<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for Member<'_> {}

/// Reads `key OWS "=" OWS value *( OWS ";" OWS property )`: the key, the value decoded, the
/// properties as they came.
pub(crate) fn parse(member: &str) -> Option<(&str, String, &str)> {
    let (pair, properties) = match member.split_once(';') {
        Some((pair, properties)) => (pair, Some(trim(properties))),
        None => (member, None),
    };
    let (key, value) = pair.split_once('=')?;
    let (key, value) = (trim(key), trim(value));
    let valid = is_token(key) && is_value(value) && properties.is_none_or(are_properties);
    valid.then(|| (key, decode(value), properties.unwrap_or("")))
}

/// A member that is not by the letter of the grammar, or may not be: empty properties are passed
/// over, malformed ones left out, and there is no optional white space.
pub(crate) struct AnyMember<'a> {
    pub(crate) key: &'a str,
    /// As it came, encoded.
    value: &'a str,
    properties: String,
    /// Whether no property was left out.
    pub(crate) is_complete: bool,
}

impl<'a> AnyMember<'a> {
    /// `None` where no value can be told.
    #[cold]
    pub(crate) fn parse(member: &'a str) -> Option<Self> {
        let (pair, properties) = member.split_once(';').unwrap_or((member, ""));
        let (key, value) = pair.split_once('=')?;
        let (key, value) = (trim(key), trim(value));
        if !is_token(key) || !is_value(value) {
            return None;
        }
        let mut any = Self {
            key,
            value,
            properties: String::new(),
            is_complete: true,
        };
        for property in properties.split(';').map(trim) {
            any.push_property(property);
        }
        Some(any)
    }

    fn push_property(&mut self, property: &str) {
        if property.is_empty() {
            return;
        }
        let Some((key, value)) = parse_property(property) else {
            self.is_complete = false;
            return;
        };
        if !self.properties.is_empty() {
            self.properties.push(';');
        }
        self.properties.push_str(key);
        if let Some(value) = value {
            self.properties.push('=');
            self.properties.push_str(value);
        }
    }

    /// In bytes.
    pub(crate) fn size(&self) -> usize {
        let properties = match self.properties.len() {
            0 => 0,
            length => 1 + length,
        };
        self.key.len() + 1 + self.value.len() + properties
    }

    /// Gives back what the baggage had for the key.
    pub(crate) fn insert_into(
        self,
        baggage: &mut Baggage,
    ) -> Option<(StringValue, BaggageMetadata)> {
        baggage.insert_with_metadata(self.key.to_owned(), decode(self.value), self.properties)
    }
}

/// One property or more, separated by `;`.
fn are_properties(properties: &str) -> bool {
    let mut properties = properties.split(';');
    properties.all(|property| parse_property(property).is_some())
}

/// `property = key OWS "=" OWS value / key OWS`
fn parse_property(property: &str) -> Option<(&str, Option<&str>)> {
    let (key, value) = match property.split_once('=') {
        Some((key, value)) => (key, Some(trim(value))),
        None => (property, None),
    };
    let key = trim(key);
    (is_token(key) && value.is_none_or(is_value)).then_some((key, value))
}

fn is_token(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|byte| is(byte, TOKEN))
}

fn is_value(value: &str) -> bool {
    value.bytes().all(|byte| is(byte, OCTET))
}

fn encode(value: &str, header: &mut String) {
    for byte in value.bytes() {
        if is(byte, PLAIN) {
            header.push(char::from(byte));
        } else {
            let [high, low] = UPPER_PAIRS[usize::from(byte)];
            header.extend(['%', char::from(high), char::from(low)]);
        }
    }
}

/// The byte that an escape at the beginning of `text` stands for.
fn escape_at(text: &[u8]) -> Option<u8> {
    match text {
        [b'%', high, low, ..] => parse2([high.to_ascii_lowercase(), low.to_ascii_lowercase()]),
        _ => None,
    }
}

fn count_escapes(mut text: &[u8]) -> usize {
    let mut count = 0;
    while let [_, tail @ ..] = text {
        let is_escape = escape_at(text).is_some();
        count += usize::from(is_escape);
        text = if is_escape { &tail[2..] } else { tail };
    }
    count
}

/// Decodes once; broken UTF-8 becomes U+FFFD, a `%` without two digits stays.
fn decode(value: &str) -> String {
    let Some(escape) = value.find('%') else {
        return value.to_owned();
    };
    let (plain, mut rest) = value.as_bytes().split_at(escape);
    // Exact, because OpenTelemetry's type gives back what is too much.
    let mut bytes = Vec::with_capacity(value.len() - 2 * count_escapes(rest));
    bytes.extend_from_slice(plain);
    while let [first, tail @ ..] = rest {
        let escaped = escape_at(rest);
        bytes.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() { &tail[2..] } else { tail };
    }
    match String::from_utf8(bytes) {
        Ok(value) => value,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    }
}

/// The members of a header that fit into `room` bytes: one that does not goes alone.
pub(crate) fn shorten(header: &str, room: usize) -> String {
    let mut kept = String::new();
    for member in header.split(',') {
        let comma = usize::from(!kept.is_empty());
        if kept.len() + comma + member.len() <= room {
            if comma > 0 {
                kept.push(',');
            }
            kept.push_str(member);
        }
    }
    kept
}
