//! A text that somebody else has chosen, made fit to be shown: in a span, in a dead letter.
//!
//! Whoever may publish chooses identifiers, keys and, where a subscription has a wildcard, the
//! destination itself. Shown as they are, such texts fill the exporter, move the cursor of a
//! terminal, or show a line in another order than it is written in.

use crate::loss::boundary;
use crate::message::destination::Destination;
use std::borrow::Cow;
use std::fmt::{self, Write as _};

/// How much of a text is shown, in bytes.
pub(crate) const MAX_BYTES: usize = 1024;

/// The text as it is shown: its first 1,024 bytes, to the end of a character. In place of a tab or
/// a line break there is a space, in place of any other control character and of those that change
/// the direction of writing U+FFFD.
#[inline]
pub(crate) fn shown(text: &str) -> Cow<'_, str> {
    if is_printable(text) {
        Cow::Borrowed(text)
    } else {
        shown_slowly(text)
    }
}

/// The same for a text of which a part would say something else; `None` if it is too long, before or
/// after the replacements.
#[inline]
pub(crate) fn shown_whole(text: &str) -> Option<Cow<'_, str>> {
    if is_printable(text) {
        Some(Cow::Borrowed(text))
    } else {
        shown_whole_slowly(text)
    }
}

#[cold]
#[inline(never)]
fn shown_whole_slowly(text: &str) -> Option<Cow<'_, str>> {
    let of = |c| replacement(c).unwrap_or(c).len_utf8();
    let fits = text.len() <= MAX_BYTES && text.chars().map(of).sum::<usize>() <= MAX_BYTES;
    fits.then(|| shown_slowly(text))
}

/// Whether the text is shown as it is, but for its length.
pub(crate) fn is_clean(text: &str) -> bool {
    text.chars().all(|c| replacement(c).is_none())
}

/// The same for a text that is owned already.
#[inline]
pub(crate) fn shown_owned(text: String) -> String {
    if is_printable(&text) {
        return text;
    }
    match shown_slowly(&text) {
        Cow::Owned(shown) => shown,
        Cow::Borrowed(_) => text,
    }
}

/// The same for a text that may be a program's own.
pub(crate) fn shown_cow(text: Cow<'static, str>) -> Cow<'static, str> {
    match text {
        Cow::Borrowed(text) => shown(text),
        Cow::Owned(text) => Cow::Owned(shown_owned(text)),
    }
}

/// A destination as it is shown.
pub(crate) fn shown_of_parts(destination: Destination<'_>) -> String {
    let mut parts = destination.parts();
    let first = parts.next().unwrap_or_default();
    if parts.next().is_none() {
        return shown(first).into_owned();
    }
    shown_owned(destination.to_string())
}

/// What a program has to say, an error say, as it is shown. What cannot be written to its end is
/// shown up to there.
pub(crate) fn shown_of(told: impl fmt::Display) -> String {
    let mut shown = Shown(String::new());
    // `to_string` panics where a text cannot be written to its end, and what writes it may panic.
    let _: Option<fmt::Result> = boundary::text(|| write!(shown, "{told}"));
    shown.0
}

/// Whether the text is short and printable ASCII, which nearly all are.
#[inline]
fn is_printable(text: &str) -> bool {
    // To the end, whatever is found: so the compiler looks at many bytes at once.
    let is_printable = |all, byte: &u8| all & (b' '..=b'~').contains(byte);
    text.len() <= MAX_BYTES && text.as_bytes().iter().fold(true, is_printable)
}

#[cold]
#[inline(never)]
fn shown_slowly(text: &str) -> Cow<'_, str> {
    if text.len() <= MAX_BYTES && is_clean(text) {
        return Cow::Borrowed(text);
    }
    let mut shown = Shown(String::new());
    // An error says that the limit is reached.
    let _: fmt::Result = shown.write_str(text);
    Cow::Owned(shown.0)
}

fn replacement(c: char) -> Option<char> {
    let is_line_break = matches!(c, '\u{2028}' | '\u{2029}');
    // The marks and controls of the Unicode Bidirectional Algorithm (UAX 9, section 2).
    let is_of_direction = matches!(
        c,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    if c.is_control() || is_line_break || is_of_direction {
        Some(if c.is_whitespace() {
            ' '
        } else {
            char::REPLACEMENT_CHARACTER
        })
    } else {
        None
    }
}

/// A text that is shown; it stops growing at its limit.
struct Shown(String);

impl fmt::Write for Shown {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for c in text.chars() {
            let c = replacement(c).unwrap_or(c);
            if self.0.len() + c.len_utf8() > MAX_BYTES {
                return Err(fmt::Error);
            }
            self.0.push(c);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_clean_stays_as_it_is() {
        let longest = "x".repeat(MAX_BYTES);
        let longest_of_two_bytes = "ü".repeat(MAX_BYTES / 2);
        for text in [
            "",
            "orders.new",
            "Grüße 📦 ~",
            "\u{200d}\u{fffd}\u{a0}",
            &longest,
            &longest_of_two_bytes,
        ] {
            assert!(
                matches!(shown(text), Cow::Borrowed(shown) if shown == text),
                "{text:?}"
            );
            assert_eq!(shown_owned(text.to_owned()), text);
            assert_eq!(shown_of(text), text);
        }
    }

    #[test]
    fn what_would_act_on_a_reader_is_replaced() {
        let cases = [
            ("\u{1b}[2Jorders", "\u{fffd}[2Jorders"),
            ("a\tb\r\nc\u{85}d\u{2028}e\u{2029}f", "a b  c d e f"),
            (
                "\0\u{7f}\u{80}\u{9b}\u{9f}",
                "\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}",
            ),
            ("a\u{61c}\u{200e}\u{200f}b", "a\u{fffd}\u{fffd}\u{fffd}b"),
            (
                "\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}",
                "\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}",
            ),
            (
                "\u{2066}\u{2067}\u{2068}\u{2069}",
                "\u{fffd}\u{fffd}\u{fffd}\u{fffd}",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(shown(text), expected, "{text:?}");
            assert_eq!(shown_owned(text.to_owned()), expected, "{text:?}");
            assert_eq!(shown_of(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        for (text, expected) in [
            ("x".repeat(1025), 1024),
            (format!("x{}", "ü".repeat(600)), 1023),
            ("📦".repeat(300), 1024),
            ("\u{1}".repeat(1024), 1023),
        ] {
            assert_eq!(shown(&text).len(), expected);
            assert_eq!(shown_owned(text.clone()).len(), expected);
            assert_eq!(shown_of(&text).len(), expected);
        }
    }

    proptest! {
        #[test]
        fn whatever_comes_is_shown_within_the_limit(text in any::<String>(), times in 1..40usize) {
            let text = text.repeat(times);
            let shown = shown(&text);
            prop_assert!(shown.len() <= MAX_BYTES);
            prop_assert!(shown.chars().all(|c| replacement(c).is_none()));
            prop_assert_eq!(&*shown, shown_owned(text.clone()));
            prop_assert_eq!(&*shown, shown_of(&text));
        }
    }
}
