//! Remote text, made harmless for a terminal.

use std::fmt::Write;

/// The text without characters that steer a terminal or turn its direction: these are written as escapes.
pub(crate) fn clean(text: &str) -> String {
    escape(text, |character| !is_hidden(character))
}

/// The text in printable ASCII, so that one character takes one column.
pub(crate) fn ascii(text: &str) -> String {
    escape(text, |character| matches!(character, ' '..='~'))
}

/// At most so many characters, cleaned.
pub(crate) fn cut(text: &str, most: usize) -> String {
    let mut kept: String = text.chars().take(most).collect();
    if kept.len() < text.len() {
        kept.push('…');
    }
    clean(&kept)
}

/// JSON whose strings have no such characters either; it says the same.
pub(crate) fn json(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for character in json.chars() {
        if !is_hidden(character) || character == '\n' {
            escaped.push(character);
            continue;
        }
        let mut units = [0; 2];
        for unit in character.encode_utf16(&mut units) {
            // Writing to a string does not fail.
            let _ = write!(escaped, "\\u{unit:04x}");
        }
    }
    escaped
}

fn escape(text: &str, is_kept: impl Fn(char) -> bool) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if is_kept(character) {
            escaped.push(character);
        } else {
            escaped.extend(character.escape_default());
        }
    }
    escaped
}

/// A control character, or one that is not seen.
pub(crate) fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' // soft hyphen
            | '\u{34f}' // joins graphemes
            | '\u{61c}' | '\u{200e}' | '\u{200f}' // marks of direction
            | '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' // letters without a shape
            | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200d}' // without a width
            | '\u{2028}'..='\u{202e}' // separators of lines; embeddings and overrides of direction
            | '\u{2060}'..='\u{206f}' // without a width; isolates of direction
            | '\u{fe00}'..='\u{fe0f}' // variants
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' // annotations
            | '\u{e000}'..='\u{f8ff}' // private use
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{10ffff}') // tags, variants, private use
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_escaped() {
        assert_eq!(
            clean("a\u{1b}[31m\tb\u{202e}é€"),
            "a\\u{1b}[31m\\tb\\u{202e}é€"
        );
        assert_eq!(ascii("é\r"), "\\u{e9}\\r");
        assert_eq!(cut("abc", 2), "ab…");
        let text = "a\u{7f}\u{9b}\u{202e}\u{e0041}\"é";
        let escaped = json(&serde_json::to_string(text).unwrap());
        assert_eq!(escaped, r#""a\u007f\u009b\u202e\udb40\udc41\"é""#);
        assert_eq!(serde_json::from_str::<String>(&escaped).unwrap(), text);
    }
}
