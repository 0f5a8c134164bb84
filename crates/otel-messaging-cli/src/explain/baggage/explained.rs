//! A baggage, member by member.

use super::{Member, Room, member, pieces};
use crate::explain::explanation::{Explanation, Part};
use crate::explain::piece::Piece;

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
pub(super) const PROPERTY: &str = ", property";

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
