//! One field for a terminal.

use super::{BAD, FAINT, GOOD, TITLE, styled, table};
use crate::escape::{ascii, cut};
use crate::explain::explanation::{Broken, Explanation, Remark};
use std::fmt::Write;

/// A value is shown in so many columns around what breaks a rule.
const BEFORE: usize = 64;
const BEHIND: usize = 32;
/// A value that is no longer is shown whole.
const WIDTH: usize = 76;

/// A field, part by part, with what breaks its rules.
pub(crate) fn field(said: &Explanation) -> String {
    let mut text = String::new();
    let title = cut(said.header.as_deref().unwrap_or(said.field), 60);
    let _ = writeln!(text, "{}", styled(TITLE, &title));
    let parts = said.parts.iter().map(|part| {
        vec![
            place(said, part.line, part.byte),
            cut(&part.name, 60),
            cut(&part.value, 100),
            cut(&part.meaning, 200),
        ]
    });
    text.push_str(&table(parts));
    for broken in &said.breaches {
        text.push_str(&breach(said, broken));
    }
    if said.more_breaches > 0 {
        let _ = writeln!(text, "  and {} more", said.more_breaches);
    }
    for Remark { line, byte, what } in &said.remarks {
        let what = cut(what, 400);
        // At its first byte, the only value is what the remark is about.
        let remark = match (said.values.len(), *byte) {
            (0 | 1, 0) => what,
            _ => format!("{}: {what}", place(said, *line, *byte)),
        };
        let _ = writeln!(text, "  {}", styled(FAINT, &remark));
    }
    let verdict = match (said.valid, said.breaches.is_empty()) {
        (true, _) => styled(GOOD, "valid"),
        (false, _) => styled(BAD, "invalid"),
    };
    let _ = writeln!(text, "  {verdict}");
    text
}

fn place(said: &Explanation, line: usize, byte: usize) -> String {
    match said.values.len() {
        0 | 1 => format!("byte {byte}"),
        _ => format!("header {}, byte {byte}", line + 1),
    }
}

/// The value, a caret under what breaks the rule, and the rule.
fn breach(said: &Explanation, broken: &Broken) -> String {
    let value = said.values.get(broken.line).map_or("", String::as_str);
    let part = |from: usize, to: usize| ascii(value.get(from..to).unwrap_or_default());
    // What is shown is near the place, whatever the size of the value.
    let near = |at: usize| {
        (0..=at)
            .rev()
            .find(|at| value.is_char_boundary(*at))
            .unwrap_or(0)
    };
    let first = near(broken.byte.saturating_sub(BEFORE));
    let behind = broken.end.saturating_add(BEHIND).max(first + WIDTH);
    let last = near(value.len().min(behind));
    let shown_end = near(broken.end.min(broken.byte + BEHIND));
    let before = part(first, broken.byte);
    let (start, before) = match before.len().checked_sub(BEFORE) {
        // An escape may be cut in half, which harms nothing.
        Some(excess) if excess > 0 => ("...", before.get(excess..).unwrap_or_default()),
        _ if first > 0 => ("...", before.as_str()),
        _ => ("", before.as_str()),
    };
    let wrong = part(broken.byte, shown_end);
    let behind = if shown_end < broken.end {
        String::new()
    } else {
        part(broken.end, last)
    };
    let end = if last < value.len() || shown_end < broken.end {
        "..."
    } else {
        ""
    };
    let indent = " ".repeat(start.len() + before.len());
    let carets = "^".repeat(wrong.len().max(1));
    let place = place(said, broken.line, broken.byte);
    let found = match broken.bytes.as_str() {
        "" => "something is missing".to_owned(),
        bytes => format!("`{bytes}`"),
    };
    let mut text = String::new();
    let _ = writeln!(
        text,
        "  {start}{before}{}{behind}{end}",
        styled(BAD, &wrong)
    );
    let _ = writeln!(text, "  {indent}{}", styled(BAD, &carets));
    let _ = writeln!(text, "  {place}: {found}. {}", broken.what);
    let _ = writeln!(
        text,
        "  Rule: {}, section {}.",
        broken.specification, broken.section
    );
    let _ = writeln!(text, "  {}", broken.consequence);
    text
}
