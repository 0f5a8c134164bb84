//! Where a field breaks a rule.

use crate::explain::rule::Rule;

/// A rule that is broken, and the bytes that break it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Breach {
    pub(crate) rule: Rule,
    /// Which of several headers of the same name, from 0.
    pub(crate) line: usize,
    /// The first of the bytes, from the beginning of that header's value, as it was given.
    pub(crate) start: usize,
    /// Behind the last of them. Equal to `start` where something is missing.
    pub(crate) end: usize,
}

impl Breach {
    pub(crate) fn new(rule: Rule, start: usize, end: usize) -> Self {
        Self {
            rule,
            line: 0,
            start,
            end,
        }
    }

    pub(crate) fn in_line(self, line: usize) -> Self {
        Self { line, ..self }
    }
}
