//! `traceparent` (W3C Trace Context Level 2, section 3.2).

use crate::explain::breach::Breach;
use crate::explain::explanation::Explanation;
use crate::explain::foreign;
use crate::explain::piece::Piece;
use crate::explain::rule::Rule;
use crate::message::{Header, Value};
use std::ops::Range;

/// Of version 00, in bytes.
const LENGTH: usize = 55;

const VERSION: Range<usize> = 0..2;
const TRACE_ID: Range<usize> = 3..35;
const PARENT_ID: Range<usize> = 36..52;
const FLAGS: Range<usize> = 53..55;

/// The first rule that a value breaks. `None` exactly where otel-messaging reads a sender from it.
pub(crate) fn check(value: &str) -> Option<Breach> {
    let value = Piece::whole(value).trim();
    if value.text.is_empty() {
        return Some(value.breaks(Rule::TraceparentEmpty));
    }
    digits(value, VERSION, Rule::VersionDigits)
        .or_else(|| only(value, VERSION, b'f', Rule::VersionFf))
        .or_else(|| dash(value, VERSION.end))
        .or_else(|| digits(value, TRACE_ID, Rule::TraceIdDigits))
        .or_else(|| only(value, TRACE_ID, b'0', Rule::TraceIdZero))
        .or_else(|| dash(value, TRACE_ID.end))
        .or_else(|| digits(value, PARENT_ID, Rule::ParentIdDigits))
        .or_else(|| only(value, PARENT_ID, b'0', Rule::ParentIdZero))
        .or_else(|| dash(value, PARENT_ID.end))
        .or_else(|| digits(value, FLAGS, Rule::FlagsDigits))
        .or_else(|| rest(value))
}

fn digits(value: Piece<'_>, range: Range<usize>, rule: Rule) -> Option<Breach> {
    let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let field = value.text.as_bytes().get(range.start..).unwrap_or_default();
    let field = field.get(..range.len()).unwrap_or(field);
    match field.iter().position(|byte| !is_digit(byte)) {
        Some(at) => Some(character(value, range.start + at, rule)),
        None if field.len() < range.len() => Some(short(value)),
        None => None,
    }
}

fn dash(value: Piece<'_>, at: usize) -> Option<Breach> {
    match value.text.as_bytes().get(at) {
        Some(b'-') => None,
        Some(_) => Some(character(value, at, Rule::TraceparentDash)),
        None => Some(short(value)),
    }
}

/// Whether a field has nothing but this digit.
fn only(value: Piece<'_>, range: Range<usize>, digit: u8, rule: Rule) -> Option<Breach> {
    let field = value.text.as_bytes().get(range.clone())?;
    let start = value.start + range.start;
    let is_broken = field.iter().all(|byte| *byte == digit);
    is_broken.then(|| Breach::new(rule, start, start + range.len()))
}

fn rest(value: Piece<'_>) -> Option<Breach> {
    let first = *value.text.as_bytes().get(LENGTH)?;
    if value.text.starts_with("00") {
        let start = value.start + LENGTH;
        return Some(Breach::new(Rule::TraceparentLong, start, value.end()));
    }
    (first != b'-').then(|| character(value, LENGTH, Rule::HigherVersionDash))
}

/// The character that begins at this byte, behind ASCII alone.
fn character(value: Piece<'_>, at: usize, rule: Rule) -> Breach {
    let character = value.text.get(at..).and_then(|rest| rest.chars().next());
    let start = value.start + at;
    Breach::new(rule, start, start + character.map_or(1, char::len_utf8))
}

fn short(value: Piece<'_>) -> Breach {
    Breach::new(Rule::TraceparentShort, value.end(), value.end())
}

/// Explains a value, part by part.
pub(crate) fn explain(value: &str) -> Explanation {
    let mut said = Explanation::new("traceparent", &[value]);
    let breach = check(value);
    if let Some(breach) = breach {
        said.breach(breach);
    }
    let whole = Piece::whole(value).trim();
    let part = |range: Range<usize>| {
        let text = whole.text.get(range.clone())?;
        let is_in_front = breach.is_none_or(|breach| whole.start + range.end <= breach.start);
        is_in_front.then_some(Piece {
            start: whole.start + range.start,
            text,
        })
    };
    let parts = [
        ("version", VERSION, version(whole.text)),
        ("trace id", TRACE_ID, "the trace".to_owned()),
        ("parent id", PARENT_ID, "the span that sent it".to_owned()),
        (
            "flags",
            FLAGS,
            flags(whole.text.get(FLAGS).unwrap_or_default()),
        ),
    ];
    for (name, range, meaning) in parts {
        if let Some(piece) = part(range) {
            said.part(name, 0, piece, meaning);
        }
    }
    if breach.is_none() && whole.text.len() > LENGTH {
        let rest = part(LENGTH..whole.text.len());
        let rest = rest.unwrap_or(whole);
        said.part(
            "rest",
            0,
            rest,
            "what the higher version has more: not read, and not passed on",
        );
    }
    remarks(value, whole, &mut said);
    said
}

fn version(value: &str) -> String {
    match value.get(VERSION) {
        Some("00") => "the version of Trace Context Level 1 and Level 2".to_owned(),
        _ => {
            "a higher version: its first four fields count (section 3.2.4), and go on as version 00"
                .to_owned()
        }
    }
}

/// The bits that are set.
fn flags(digits: &str) -> String {
    let flags = u8::from_str_radix(digits, 16).unwrap_or_default();
    let sampled = if flags & 1 == 1 {
        "sampled"
    } else {
        "not sampled"
    };
    let random = if flags & 2 == 2 {
        ", random trace id"
    } else {
        ""
    };
    let unknown = flags & !3;
    let unknown = match unknown {
        0 => String::new(),
        unknown => format!(
            ", reserved bits {unknown:08b}: not read, and cleared in what goes out (section 3.2.2.5.3)"
        ),
    };
    format!("{sampled}{random}{unknown}")
}

fn remarks(value: &str, whole: Piece<'_>, said: &mut Explanation) {
    if whole.text.len() < value.len() {
        said.remark(
            0,
            0,
            "White space around the value: allowed here; section 3.2.2 does not have it.",
        );
    }
    if said.valid {
        return;
    }
    let lower = whole.text.to_ascii_lowercase();
    if lower != whole.text && check(&lower).is_none() {
        said.remark(0, whole.start, "In lower case this value would be valid.");
    }
    let inside = whole
        .text
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    if inside.is_some_and(|inside| check(inside).is_none()) {
        said.remark(
            0,
            whole.start,
            "Older versions of Spring for Apache Kafka write a value in JSON quotes. On Kafka, otel-messaging reads it without them.",
        );
    }
    let foreign = ["b3", "uber-trace-id", "x-amzn-trace-id"].map(|name| Header {
        name: name.as_bytes(),
        value: Value::Text(whole.text),
    });
    for header in &foreign {
        let formats = foreign::formats(std::slice::from_ref(header));
        if let Some(format) = formats
            .iter()
            .find(|found| found.trace_id().is_some() && found.span_id().is_some())
        {
            let name = format.format.name();
            said.remark(0, whole.start, format!("This is a value of {name}."));
        }
    }
}

#[cfg(test)]
mod tests;
