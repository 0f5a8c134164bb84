//! A part of a value that knows where it stands.

use crate::explain::breach::Breach;
use crate::explain::rule::Rule;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Piece<'a> {
    /// In the whole value, in bytes.
    pub(crate) start: usize,
    pub(crate) text: &'a str,
}

impl<'a> Piece<'a> {
    pub(crate) fn whole(text: &'a str) -> Self {
        Self { start: 0, text }
    }

    pub(crate) fn end(self) -> usize {
        self.start + self.text.len()
    }

    /// Without the optional white space around it.
    pub(crate) fn trim(self) -> Self {
        let text = self.text.trim_start_matches([' ', '\t']);
        let start = self.end() - text.len();
        let text = text.trim_end_matches([' ', '\t']);
        Self { start, text }
    }

    /// What stands in front of the first `separator`, and what behind it.
    pub(crate) fn split_once(self, separator: char) -> Option<(Self, Self)> {
        let (before, behind) = self.text.split_once(separator)?;
        let before = Self {
            text: before,
            ..self
        };
        let behind = Self {
            start: self.end() - behind.len(),
            text: behind,
        };
        Some((before, behind))
    }

    pub(crate) fn split(self, separator: char) -> impl Iterator<Item = Self> + Clone {
        let mut start = self.start;
        self.text.split(separator).map(move |text| {
            let piece = Self { start, text };
            start += text.len() + separator.len_utf8();
            piece
        })
    }

    /// The whole piece breaks a rule.
    pub(crate) fn breaks(self, rule: Rule) -> Breach {
        Breach::new(rule, self.start, self.end())
    }

    /// The first character that is not allowed breaks a rule.
    pub(crate) fn breaks_unless(
        self,
        rule: Rule,
        is_allowed: impl Fn(u8) -> bool,
    ) -> Option<Breach> {
        let at = self.text.bytes().position(|byte| !is_allowed(byte))?;
        // The byte before it is ASCII, so a character begins here.
        let length = self.text.get(at..)?.chars().next()?.len_utf8();
        let start = self.start + at;
        Some(Breach::new(rule, start, start + length))
    }
}
