//! `baggage` (W3C Baggage, section 3).

mod explained;

use crate::explain::breach::Breach;
use crate::explain::piece::Piece;
use crate::explain::rule::Rule;
use std::collections::HashMap;

pub(crate) use explained::explain;

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

/// The keys of the members that are read, each once, in their order: at most as many as are read.
pub(crate) fn keys<'a>(lines: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let mut keys = Vec::new();
    for (_, piece) in pieces(lines) {
        let Ok(Some(member)) = member(piece) else {
            continue;
        };
        if keys.len() == MAX_MEMBERS {
            break;
        }
        if !keys.contains(&member.key.text) {
            keys.push(member.key.text);
        }
    }
    keys
}

/// As [`check`], where white space or a key that comes again may decide whether all has room.
#[cold]
fn check_limits<'a>(lines: impl IntoIterator<Item = &'a str>) -> Option<Breach> {
    let mut room = Room::default();
    for (line, piece) in pieces(lines) {
        let breach = match member(piece) {
            Ok(None) => None,
            Ok(Some(member)) => {
                // A member without room is not read further.
                let without_room = room.take(&member, (line, member.key.start));
                without_room.or_else(|| member.properties().find_map(Result::err))
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
            .split(b',')
            .map(move |piece| (line, piece))
    })
}

/// The room that is left for members.
#[derive(Debug, Default)]
struct Room<'a> {
    sizes: HashMap<&'a str, usize>,
    /// Where the member stands whose value counts: the line, and the byte.
    places: HashMap<&'a str, (usize, usize)>,
    bytes: usize,
}

impl<'a> Room<'a> {
    /// The last value of a key counts; an earlier one makes room for it.
    fn take(&mut self, member: &Member<'a>, place: (usize, usize)) -> Option<Breach> {
        if let Some(earlier) = self.sizes.remove(member.key.text) {
            self.bytes -= earlier + 1;
            self.places.remove(member.key.text);
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
        self.places.insert(member.key.text, place);
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
    whole: Piece<'a>,
    key: Piece<'a>,
    value: Option<Piece<'a>>,
}

/// What stands between two commas, if there is anything. Its properties are not looked at.
fn member(piece: Piece<'_>) -> Result<Option<Member<'_>>, Breach> {
    let whole = piece.trim();
    if whole.text.is_empty() {
        return Ok(None);
    }
    let (pair, properties) = match whole.split_once(b';') {
        Some((pair, properties)) => (pair, Some(properties)),
        None => (whole, None),
    };
    let Some((key, value)) = pair.split_once(b'=') else {
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
        let pieces = pieces.flat_map(|properties| properties.split(b';'));
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
    let (key, value) = match piece.split_once(b'=') {
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
        None => Ok(Property {
            whole: piece,
            key,
            value,
        }),
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
