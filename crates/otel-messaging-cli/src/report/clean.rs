//! Remote text, as a terminal and a page may show it.

use crate::escape::is_hidden;
use std::fmt::Write;

/// Shows every character that would change how the text around it looks, or that cannot be seen, as its escape;
/// what is longer than `most` characters is cut.
pub(crate) fn clean(text: &str, most: usize) -> String {
    let mut cleaned = String::with_capacity(text.len().min(most));
    let mut length = 0;
    // Where a cut leaves room for its sign.
    let mut cut = 0;
    for character in text.chars() {
        if length < most {
            cut = cleaned.len();
        }
        if is_hidden(character) {
            let from = cleaned.len();
            let _ = write!(cleaned, "{}", character.escape_default());
            length += cleaned.len() - from;
        } else {
            cleaned.push(character);
            length += 1;
        }
        if length > most {
            cleaned.truncate(cut);
            cleaned.push('…');
            break;
        }
    }
    cleaned
}

/// The name of a producer. Some messages tell nothing of theirs.
pub(crate) fn producer(name: &str, most: usize) -> String {
    if name.is_empty() {
        return "unknown producer".to_owned();
    }
    clean(name, most)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_cannot_be_seen_becomes_its_escape() {
        for (text, cleaned) in [
            ("orders", "orders"),
            ("наряды 注文 café 🙂", "наряды 注文 café 🙂"),
            ("\x1b[2Jorders", r"\u{1b}[2Jorders"),
            ("a\r\n\tb\x07\x7f\u{9b}31m", r"a\r\n\tb\u{7}\u{7f}\u{9b}31m"),
            ("gnp.\u{202e}txt", r"gnp.\u{202e}txt"),
            (
                "o\u{200b}r\u{2066}d\u{feff}",
                r"o\u{200b}r\u{2066}d\u{feff}",
            ),
            ("tag\u{e0041}", r"tag\u{e0041}"),
        ] {
            assert_eq!(clean(text, 100), cleaned);
        }
    }

    #[test]
    fn what_is_long_is_cut() {
        assert_eq!(clean("order", 5), "order");
        assert_eq!(clean("orders", 5), "orde…");
        assert_eq!(clean("注文注文", 3), "注文…");
        assert_eq!(clean("ord\x1b", 9), r"ord\u{1b}");
        assert_eq!(clean("ord\x1b", 8), "ord…");
        assert_eq!(clean(&"x".repeat(10_000), 40).chars().count(), 40);
    }

    proptest! {
        #[test]
        fn no_text_comes_out_hidden_or_longer(text: String, most in 1usize..50) {
            let cleaned = clean(&text, most);
            prop_assert!(!cleaned.chars().any(is_hidden));
            prop_assert!(cleaned.chars().count() <= most, "{}", cleaned);
        }
    }
}
