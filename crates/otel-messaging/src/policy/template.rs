//! Patterns of destinations, with variables.

use std::sync::Arc;

/// A pattern such as `orders.{id}.created`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template {
    pub(crate) text: Arc<str>,
    /// The same without the names of its variables, which may have separators in them.
    pattern: String,
}

/// What a variable does not go over.
const SEPARATORS: [char; 3] = ['.', ':', '/'];

impl Template {
    pub(crate) fn new(text: &str) -> Self {
        let (mut pattern, mut rest) = (String::new(), text);
        while let Some((before, further)) = split_variable(rest) {
            pattern.push_str(before);
            pattern.push_str("{}");
            rest = further;
        }
        pattern.push_str(rest);
        Self {
            text: text.into(),
            pattern,
        }
    }

    pub(crate) fn fits(&self, destination: &str) -> bool {
        let mut tokens = destination.split_inclusive(SEPARATORS);
        let mut own = self.pattern.split_inclusive(SEPARATORS);
        loop {
            match (own.next(), tokens.next()) {
                (None, None) => return true,
                (Some(own), Some(token)) if fits_token(own, token) => {}
                _ => return false,
            }
        }
    }
}

/// Whether a token, with the separator at its end, is as the template's. A variable stands for one
/// character or more.
fn fits_token(template: &str, token: &str) -> bool {
    let Some((before, mut rest)) = split_variable(template) else {
        return template == token;
    };
    let Some(mut token) = token.strip_prefix(before) else {
        return false;
    };
    // The leftmost place of each literal is enough: what is behind it may then be longest.
    while let Some((literal, further)) = split_variable(rest) {
        let Some((first, place)) = after_one(token) else {
            return false;
        };
        let Some(found) = place.find(literal) else {
            return false;
        };
        token = &token[first + found + literal.len()..];
        rest = further;
    }
    let ends = token.strip_suffix(rest);
    ends.is_some_and(|variable| !variable.is_empty() && !variable.ends_with(SEPARATORS))
}

/// The text in front of the first `{variable}`, and the text behind it.
fn split_variable(template: &str) -> Option<(&str, &str)> {
    let (before, rest) = template.split_once('{')?;
    let (_, behind) = rest.split_once('}')?;
    Some((before, behind))
}

/// The length of the first character, and what is behind it.
fn after_one(text: &str) -> Option<(usize, &str)> {
    let length = text.chars().next()?.len_utf8();
    Some((length, &text[length..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_variable_stands_for_text_between_separators() {
        for (template, destination, fits) in [
            ("orders", "orders", true),
            ("orders", "orders.new", false),
            ("orders.{id}.created", "orders.7.created", true),
            ("orders.{id}.created", "orders.7.8.created", false),
            ("orders.{id}.created", "orders..created", false),
            ("orders.{id}", "orders.7", true),
            ("orders.{id}", "orders.7.created", false),
            ("orders.{id}", "orders.", false),
            ("orders-{id}", "orders-7", true),
            ("orders-{id}-{part}", "orders-7-8-9", true),
            ("orders-{id}-{part}", "orders-7-", false),
            ("orders-{id}-{part}-x", "orders-7-8-9-x", true),
            ("shop:orders.{id}", "shop:orders.7", true),
            ("{exchange}:orders", "shop:orders", true),
            ("{exchange}:orders", "shop.orders", false),
            ("{all}", "ä", true),
            ("{all}", "", false),
            ("{a}{b}", "ab", true),
            ("{a}{b}", "a", false),
            ("orders.{order.id}.new", "orders.7.new", true),
            ("orders.{order.id}.new", "orders.7.8.new", false),
            ("orders.{id", "orders.7", false),
            ("orders.{id", "orders.{id", true),
        ] {
            let template = Template::new(template);
            assert_eq!(
                template.fits(destination),
                fits,
                "{template:?} {destination}"
            );
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(template in "[ab.{}:ä]{0,12}", destination in "[ab.{}:ä]{0,12}") {
            let _ = Template::new(&template).fits(&destination);
            let is_literal = !template.contains('{');
            prop_assert!(!is_literal || Template::new(&template).fits(&template));
        }
    }
}
