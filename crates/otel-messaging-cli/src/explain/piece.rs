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
        let is_space = |byte: &u8| matches!(byte, b' ' | b'\t');
        let bytes = self.text.as_bytes();
        let start = bytes.iter().take_while(|byte| is_space(byte)).count();
        let rest = bytes.get(start..).unwrap_or_default();
        let spaces = rest.iter().rev().take_while(|byte| is_space(byte)).count();
        self.part(start, bytes.len() - spaces)
    }

    /// What stands in front of the first `separator`, which is ASCII, and what behind it.
    pub(crate) fn split_once(self, separator: u8) -> Option<(Self, Self)> {
        let mut bytes = self.text.bytes();
        let at = bytes.position(|byte| byte == separator)?;
        Some((self.part(0, at), self.part(at + 1, self.text.len())))
    }

    /// What stands between separators, which are ASCII.
    pub(crate) fn split(self, separator: u8) -> impl Iterator<Item = Self> + Clone {
        let mut rest = Some(self);
        std::iter::from_fn(move || {
            let piece = rest?;
            match piece.split_once(separator) {
                Some((first, behind)) => {
                    rest = Some(behind);
                    Some(first)
                }
                None => rest.take(),
            }
        })
    }

    /// From byte to byte of this piece, which are at the ends of characters.
    fn part(self, from: usize, to: usize) -> Self {
        Self {
            start: self.start + from,
            text: self.text.get(from..to).unwrap_or_default(),
        }
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
