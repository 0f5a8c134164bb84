//! `baggage` (W3C Baggage, section 3).

use crate::explain::breach::Breach;
use crate::explain::explanation::{Explanation, Part};
use crate::explain::piece::Piece;
use crate::explain::rule::Rule;
use std::collections::HashMap;

/// What otel-messaging reads at most.
const MAX_MEMBERS: usize = 64;
const MAX_BYTES: usize = 8192;

/// The first rule that the lines of a baggage break. `None` exactly where otel-messaging reads all of it; give the
/// lines of `FieldSet::baggage`, or the value of the only header.
pub(crate) fn check<'a>(lines: impl IntoIterator<Item = &'a str> + Clone) -> Option<Breach> {
    let mut count = 0;
    let mut bytes = 0;
    for (line, piece) in pieces(lines.clone()) {
        bytes += piece.text.len() + 1;
        let member = match member(piece) {
            Ok(Some(member)) => member,
            Ok(None) => continue,
            Err(breach) => return Some(breach.in_line(line)),
        };
        count += 1;
        if bytes > MAX_BYTES + 1 || count > MAX_MEMBERS {
            return check_limits(lines);
        }
        if let Some(Err(breach)) = member.properties().find(Result::is_err) {
            return Some(breach.in_line(line));
        }
    }
    None
}

/// As [`check`], where white space or a key that comes again may decide whether all has room.
#[cold]
fn check_limits<'a>(lines: impl IntoIterator<Item = &'a str>) -> Option<Breach> {
    let mut room = Room::default();
    for (line, piece) in pieces(lines) {
        let breach = match member(piece) {
            Ok(None) => None,
            Ok(Some(member)) => {
                let malformed = member.properties().find_map(Result::err);
                malformed.or_else(|| room.take(&member))
            }
            Err(breach) => Some(breach),
        };
        if let Some(breach) = breach {
            return Some(breach.in_line(line));
        }
    }
    None
}

/// What stands between commas, with the number of its line.
fn pieces<'a>(
    lines: impl IntoIterator<Item = &'a str>,
) -> impl Iterator<Item = (usize, Piece<'a>)> {
    let lines = lines.into_iter().enumerate();
    lines.flat_map(|(line, text)| {
        Piece::whole(text)
            .split(',')
            .map(move |piece| (line, piece))
    })
}

/// The room that is left for members.
#[derive(Debug, Default)]
struct Room<'a> {
    sizes: HashMap<&'a str, usize>,
    bytes: usize,
}

impl<'a> Room<'a> {
    /// The last value of a key counts; an earlier one makes room for it.
    fn take(&mut self, member: &Member<'a>) -> Option<Breach> {
        if let Some(earlier) = self.sizes.remove(member.key.text) {
            self.bytes -= earlier + 1;
        }
        let size = member.size();
        if self.sizes.len() >= MAX_MEMBERS {
            return Some(member.whole.breaks(Rule::BaggageMembers));
        }
        if self.bytes + size > MAX_BYTES {
            return Some(member.whole.breaks(Rule::BaggageLong));
        }
        self.bytes += size + 1;
        self.sizes.insert(member.key.text, size);
        None
    }
}

#[derive(Debug, Clone, Copy)]
struct Member<'a> {
    whole: Piece<'a>,
    key: Piece<'a>,
    value: Piece<'a>,
    properties: Option<Piece<'a>>,
}

#[derive(Debug, Clone, Copy)]
struct Property<'a> {
    key: Piece<'a>,
    value: Option<Piece<'a>>,
}

/// What stands between two commas, if there is anything. Its properties are not looked at.
fn member(piece: Piece<'_>) -> Result<Option<Member<'_>>, Breach> {
    let whole = piece.trim();
    if whole.text.is_empty() {
        return Ok(None);
    }
    let (pair, properties) = match whole.split_once(';') {
        Some((pair, properties)) => (pair, Some(properties)),
        None => (whole, None),
    };
    let Some((key, value)) = pair.split_once('=') else {
        return Err(pair.trim().breaks(Rule::BaggageEquals));
    };
    let (key, value) = (key.trim(), value.trim());
    if key.text.is_empty() {
        return Err(key.breaks(Rule::BaggageKeyEmpty));
    }
    let breach = key
        .breaks_unless(Rule::BaggageKeyCharacter, is_token_character)
        .or_else(|| value.breaks_unless(Rule::BaggageValueCharacter, is_octet));
    match breach {
        Some(breach) => Err(breach),
        None => Ok(Some(Member {
            whole,
            key,
            value,
            properties,
        })),
    }
}

impl<'a> Member<'a> {
    /// Empty ones are passed over.
    fn properties(&self) -> impl Iterator<Item = Result<Property<'a>, Breach>> + use<'a> {
        let pieces = self.properties.into_iter();
        let pieces = pieces.flat_map(|properties| properties.split(';'));
        let pieces = pieces.map(Piece::trim);
        pieces.filter(|piece| !piece.text.is_empty()).map(property)
    }

    /// In bytes, without white space and malformed properties.
    fn size(&self) -> usize {
        let properties = self.properties().filter_map(Result::ok);
        let properties = properties.map(|property| {
            let value = property.value.map_or(0, |value| 1 + value.text.len());
            1 + property.key.text.len() + value
        });
        self.key.text.len() + 1 + self.value.text.len() + properties.sum::<usize>()
    }
}

fn property(piece: Piece<'_>) -> Result<Property<'_>, Breach> {
    let (key, value) = match piece.split_once('=') {
        Some((key, value)) => (key.trim(), Some(value.trim())),
        None => (piece, None),
    };
    if key.text.is_empty() {
        return Err(key.breaks(Rule::BaggagePropertyKey));
    }
    let breach = key
        .breaks_unless(Rule::BaggagePropertyKey, is_token_character)
        .or_else(|| value?.breaks_unless(Rule::BaggagePropertyValue, is_octet));
    match breach {
        Some(breach) => Err(breach),
        None => Ok(Property { key, value }),
    }
}

/// Explains the lines, member by member.
pub(crate) fn explain(lines: &[&str]) -> Explanation {
    let mut said = Explanation::new("baggage", lines);
    let mut room = Room::default();
    for (line, piece) in pieces(lines.iter().copied()) {
        match member(piece) {
            Ok(Some(member)) => explain_member(&member, line, &mut room, &mut said),
            Ok(None) if lines.get(line).is_some_and(|line| line.trim().is_empty()) => {}
            Ok(None) => {
                said.remark(
                    line,
                    piece.start,
                    "An empty member: allowed here; section 3.3.1 does not have it.",
                );
            }
            Err(breach) => said.breach(breach.in_line(line)),
        }
    }
    if said.valid && said.parts.is_empty() {
        said.remark(
            0,
            0,
            "An empty baggage: allowed here; section 3.3.1 has one member at least.",
        );
    }
    said
}

fn explain_member<'a>(
    member: &Member<'a>,
    line: usize,
    room: &mut Room<'a>,
    said: &mut Explanation,
) {
    let key = member.key.text;
    if room.sizes.contains_key(key) {
        let what = format!(
            "The key {key} comes again: allowed (section 3.3.1.1); its last value counts here."
        );
        said.remark(line, member.key.start, what);
        let name = |part: &Part| part.name == key || part.name.strip_suffix(PROPERTY) == Some(key);
        said.parts.retain(|part| !name(part));
    }
    if let Some(breach) = room.take(member) {
        said.breach(breach.in_line(line));
        return;
    }
    push(key.to_owned(), line, member.value, said);
    if member.value.text.contains('+') {
        said.remark(
            line,
            member.value.start,
            "A + is a plus sign. OpenTelemetry for Python writes a space so, and reads it as a space.",
        );
    }
    let empty = member.properties.into_iter().flat_map(|it| it.split(';'));
    if let Some(empty) = empty.into_iter().find(|piece| piece.trim().text.is_empty()) {
        said.remark(
            line,
            empty.start,
            "An empty property: allowed here; section 3.3.1 does not have it.",
        );
    }
    for property in member.properties() {
        match property {
            Ok(property) => {
                let name = format!("{key}{PROPERTY}");
                match property.value {
                    Some(value) => {
                        push(name, line, value, said);
                        if let Some(part) = said.parts.last_mut() {
                            part.value.insert_str(0, &format!("{}=", property.key.text));
                            part.byte = property.key.start;
                        }
                    }
                    None => push(name, line, property.key, said),
                }
            }
            Err(breach) => said.breach(breach.in_line(line)),
        }
    }
}

/// Behind the key of a member: a property of it.
const PROPERTY: &str = ", property";

fn push(name: String, line: usize, value: Piece<'_>, said: &mut Explanation) {
    let (decoded, meaning) = decode(value.text);
    said.part(name, line, value, meaning);
    if let Some(part) = said.parts.last_mut() {
        part.value = decoded;
    }
}

/// Decodes once, and tells what a reader may not expect.
fn decode(value: &str) -> (String, &'static str) {
    if !value.contains('%') {
        return (value.to_owned(), "");
    }
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    let mut meaning = "percent-decoded";
    while let [first, tail @ ..] = rest {
        rest = tail;
        let digit = |byte: &u8| char::from(*byte).to_digit(16);
        match (first, tail) {
            (b'%', [high, low, tail @ ..]) => match (digit(high), digit(low)) {
                (Some(high), Some(low)) => {
                    bytes.push((high << 4 | low) as u8);
                    rest = tail;
                }
                _ => {
                    meaning =
                        "a % without two digits stays (section 3.3.1.3 has it encoded, as %25)";
                    bytes.push(*first);
                }
            },
            (b'%', _) => {
                meaning = "a % without two digits stays (section 3.3.1.3 has it encoded, as %25)";
                bytes.push(*first);
            }
            _ => bytes.push(*first),
        }
    }
    match String::from_utf8(bytes) {
        Ok(text) => (text, meaning),
        Err(error) => (
            String::from_utf8_lossy(error.as_bytes()).into_owned(),
            "what is not UTF-8 became U+FFFD (section 3.3.1.3)",
        ),
    }
}

/// In the key of a member or a property (`token`, RFC 7230, section 3.2.6).
fn is_token_character(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"(),/:;<=>?@[\\]{}\"".contains(&byte)
}

/// In a value (`baggage-octet`).
fn is_octet(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'"' | b',' | b';' | b'\\')
}

#[cfg(test)]
mod tests;
