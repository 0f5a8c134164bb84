//! Remote text, made harmless for a terminal.

use std::fmt::Write;

/// The text without characters that steer a terminal or turn its direction: these are written as escapes.
pub(crate) fn clean(text: &str) -> String {
    escape(text, is_harmless)
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
        if is_harmless(character) || character == '\n' {
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

/// Neither a control character nor one that is not seen: marks of direction, joiners, tags.
fn is_harmless(character: char) -> bool {
    !character.is_control()
        && !matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
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
