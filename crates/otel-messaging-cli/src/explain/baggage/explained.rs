//! A baggage, member by member.

use super::{Member, Room, member, pieces};
use crate::explain::explanation::{Explanation, Part};
use crate::explain::piece::Piece;

/// Explains the lines, member by member.
pub(crate) fn explain(lines: &[&str]) -> Explanation {
    let mut members = Members {
        said: Explanation::new("baggage", lines),
        room: Room::default(),
        parts: Vec::new(),
        superseded_at: FEW,
    };
    for (line, piece) in pieces(lines.iter().copied()) {
        match member(piece) {
            Ok(Some(member)) => members.explain(&member, line),
            Ok(None) if lines.get(line).is_some_and(|line| line.trim().is_empty()) => {}
            Ok(None) => members.said.remark(
                line,
                piece.start,
                "An empty member: allowed here; section 3.3.1 does not have it.",
            ),
            Err(breach) => members.said.breach(breach.in_line(line)),
        }
    }
    members.leave_out_superseded();
    let mut said = members.said;
    said.parts = members.parts.into_iter().map(|(_, part)| part).collect();
    if said.valid && said.parts.is_empty() {
        let what = "An empty baggage: allowed here; section 3.3.1 has one member at least.";
        said.remark(0, 0, what);
    }
    said
}

/// So many parts are held in any case.
const FEW: usize = 1024;

/// Behind the key of a member: a property of it.
pub(super) const PROPERTY: &str = ", property";

/// A member: its key, its line, and the byte at which it stands.
type Owner<'a> = (&'a str, (usize, usize));

/// What was explained so far.
struct Members<'a> {
    said: Explanation,
    room: Room<'a>,
    /// Each with its member.
    parts: Vec<(Owner<'a>, Part)>,
    /// With so many parts, those of members that came again are left out: one look for many members.
    superseded_at: usize,
}

impl<'a> Members<'a> {
    fn explain(&mut self, member: &Member<'a>, line: usize) {
        let key = member.key.text;
        if self.room.sizes.contains_key(key) {
            let what = format!(
                "The key {key} comes again: allowed (section 3.3.1.1); its last value counts here."
            );
            self.said.remark(line, member.key.start, what);
        }
        let place = (line, member.key.start);
        if let Some(breach) = self.room.take(member, place) {
            self.said.breach(breach.in_line(line));
            return;
        }
        let of = (key, place);
        self.push(of, key.to_owned(), member.value, member.value);
        if member.value.text.contains('+') {
            self.said.remark(
                line,
                member.value.start,
                "A + is a plus sign. OpenTelemetry for Python writes a space so, and reads it as a space.",
            );
        }
        let properties = member.properties.into_iter().flat_map(|it| it.split(b';'));
        let mut properties = properties.map(Piece::trim);
        if let Some(empty) = properties.find(|piece| piece.text.is_empty()) {
            let what = "An empty property: allowed here; section 3.3.1 does not have it.";
            self.said.remark(line, empty.start, what);
        }
        for property in member.properties() {
            match property {
                Ok(property) => {
                    let whole = property.whole;
                    self.push(
                        of,
                        format!("{key}{PROPERTY}"),
                        whole,
                        property.value.unwrap_or(whole),
                    );
                }
                Err(breach) => self.said.breach(breach.in_line(line)),
            }
        }
        if self.parts.len() >= self.superseded_at {
            self.leave_out_superseded();
            self.superseded_at = 2 * self.parts.len() + FEW;
        }
    }

    /// `value` is what is decoded of `whole`.
    fn push(&mut self, of: Owner<'a>, name: String, whole: Piece<'_>, value: Piece<'_>) {
        let (decoded, meaning) = decode(value.text);
        let in_front = value.start.saturating_sub(whole.start);
        let in_front = whole.text.get(..in_front).unwrap_or_default();
        let part = Part {
            name,
            line: of.1.0,
            byte: whole.start,
            end: whole.end(),
            value: format!("{in_front}{decoded}"),
            meaning: meaning.to_owned(),
        };
        self.parts.push((of, part));
    }

    fn leave_out_superseded(&mut self) {
        let places = &self.room.places;
        self.parts
            .retain(|((key, place), _)| places.get(key) == Some(place));
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
