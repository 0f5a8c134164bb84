//! `tracestate` (W3C Trace Context Level 2, section 3.3).

use crate::explain::breach::Breach;
use crate::explain::explanation::Explanation;
use crate::explain::piece::Piece;
use crate::explain::rule::Rule;
use crate::explain::vendor;

/// What otel-messaging reads at most.
const MAX_MEMBERS: usize = 32;
const MAX_BYTES: usize = 8192;
const MAX_PART: usize = 256;

/// The first rule that the lines of a tracestate break. `None` exactly where otel-messaging reads them; give the
/// lines of `FieldSet::tracestate`, or the value of the only header.
pub(crate) fn check<'a>(lines: impl IntoIterator<Item = &'a str>) -> Option<Breach> {
    let mut keys = [""; MAX_MEMBERS];
    let mut count = 0;
    let mut before = 0;
    for (line, text) in lines.into_iter().enumerate() {
        if let Some(breach) = too_long(text, before) {
            return Some(breach.in_line(line));
        }
        before += text.len() + 1;
        for piece in Piece::whole(text).split(b',') {
            let member = match member(piece) {
                Ok(Some(member)) => member,
                Ok(None) => continue,
                Err(breach) => return Some(breach.in_line(line)),
            };
            if keys.iter().take(count).any(|key| *key == member.key.text) {
                continue;
            }
            let Some(place) = keys.get_mut(count) else {
                return Some(piece.trim().breaks(Rule::TracestateMembers).in_line(line));
            };
            *place = member.key.text;
            count += 1;
        }
    }
    None
}

/// Where a line goes beyond what is read, with `before` bytes of lines and their commas in front of it.
fn too_long(line: &str, before: usize) -> Option<Breach> {
    let room = MAX_BYTES.saturating_sub(before);
    (line.len() > room).then(|| Breach::new(Rule::TracestateLong, room, line.len()))
}

#[derive(Debug, Clone, Copy)]
struct Member<'a> {
    key: Piece<'a>,
    value: Piece<'a>,
}

/// What stands between two commas, if there is anything.
fn member(piece: Piece<'_>) -> Result<Option<Member<'_>>, Breach> {
    let trimmed = piece.trim();
    let Some(first) = trimmed.text.bytes().next() else {
        return Ok(None);
    };
    if !is_key_start(first) {
        let rest = trimmed.breaks_unless(Rule::TracestateKeyStart, |_| false);
        return Err(rest.unwrap_or(trimmed.breaks(Rule::TracestateKeyStart)));
    }
    let (key, value) = trimmed.split_once(b'=').unwrap_or((
        trimmed,
        Piece {
            start: trimmed.end(),
            text: "",
        },
    ));
    let has_equals = key.text.len() < trimmed.text.len();
    if let Some(breach) = key.breaks_unless(Rule::TracestateKeyCharacter, is_key_character) {
        return Err(breach);
    }
    if !has_equals {
        return Err(trimmed.breaks(Rule::TracestateEquals));
    }
    if key.text.len() > MAX_PART {
        return Err(key.breaks(Rule::TracestateKeyLong));
    }
    if !is_key_of_opentelemetry(key.text) {
        return Err(key.breaks(Rule::TracestateKeyRefused));
    }
    if value.text.is_empty() {
        return Err(value.breaks(Rule::TracestateValueEmpty));
    }
    if let Some(breach) = value.breaks_unless(Rule::TracestateValueCharacter, is_value_character) {
        return Err(breach);
    }
    if value.text.len() > MAX_PART {
        return Err(value.breaks(Rule::TracestateValueLong));
    }
    Ok(Some(Member { key, value }))
}

fn is_key_start(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

fn is_key_character(byte: u8) -> bool {
    is_key_start(byte) || matches!(byte, b'_' | b'-' | b'*' | b'/' | b'@')
}

fn is_value_character(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && !matches!(byte, b',' | b'=')
}

/// OpenTelemetry's `TraceState` keeps to the older form of keys: a tenant, `@` and a system.
fn is_key_of_opentelemetry(key: &str) -> bool {
    let Some((_, system)) = key.split_once('@') else {
        return true;
    };
    system.len() <= 13 && !system.contains('@') && system.bytes().next().is_none_or(is_key_start)
}

/// Explains the lines, member by member.
pub(crate) fn explain(lines: &[&str]) -> Explanation {
    let mut said = Explanation::new("tracestate", lines);
    let mut keys: Vec<&str> = Vec::new();
    let mut before = 0;
    for (line, text) in lines.iter().enumerate() {
        if let Some(breach) = too_long(text, before) {
            said.breach(breach.in_line(line));
        }
        before += text.len() + 1;
        for piece in Piece::whole(text).split(b',') {
            let member = match member(piece) {
                Ok(Some(member)) => member,
                Ok(None) => continue,
                Err(breach) => {
                    said.breach(breach.in_line(line));
                    continue;
                }
            };
            let key = member.key.text;
            if keys.contains(&key) {
                let what = format!(
                    "The key {key} comes again: allowed here, its first entry counts; section 3.3.3 has each key once."
                );
                said.remark(line, member.key.start, what);
                continue;
            }
            if keys.len() >= MAX_MEMBERS {
                let breach = piece.trim().breaks(Rule::TracestateMembers);
                said.breach(breach.in_line(line));
                continue;
            }
            keys.push(key);
            let meaning = vendor::meaning(key, member.value.text);
            said.part(key, line, member.value, meaning);
        }
    }
    let bytes = before.saturating_sub(1);
    if keys.is_empty() && said.valid {
        said.remark(
            0,
            0,
            "An empty tracestate: allowed, and better not sent (section 3.3.2).",
        );
    }
    if bytes > 512 {
        let what = format!(
            "The tracestate takes {bytes} bytes. Only 512 have to travel (section 3.3.3.1), so some senders may shorten it."
        );
        said.remark(0, 0, what);
    }
    said
}

#[cfg(test)]
mod tests;
