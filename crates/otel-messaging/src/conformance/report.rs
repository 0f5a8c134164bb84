//! What came of it.

use super::rule::Rule;
use std::fmt;

/// That a carrier keeps the rules, as far as its protocol has headers to try them with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    pub(super) untested: Vec<Rule>,
}

impl Report {
    /// The rules that could not be tried, because the [`Subject`](super::Subject) built none of
    /// the headers for it, or because the carrier has no limit for headers ([`Rule::Room`]). A test
    /// that states them notices a subject that builds too little, and a carrier that no longer counts.
    #[must_use]
    pub fn untested(&self) -> &[Rule] {
        &self.untested
    }
}

/// A rule that a carrier breaks, and the first case in which it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    pub(super) rule: Rule,
    pub(super) case: String,
}

impl Violation {
    /// The rule.
    #[must_use]
    pub fn rule(&self) -> Rule {
        self.rule
    }

    /// The headers, what was done to them, and what came of it: in words, for people. The kit made
    /// up all that stands there.
    #[must_use]
    pub fn case(&self) -> &str {
        &self.case
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}\n  {}", self.rule, self.rule, self.case)
    }
}

impl std::error::Error for Violation {}

/// Every rule that a carrier breaks. A fault of look-up breaks many: begin with the first.
#[derive(Clone, PartialEq, Eq)]
pub struct Violations {
    pub(super) all: Vec<Violation>,
}

impl Violations {
    /// One for each rule that is broken, in the order of [`Rule::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = &Violation> {
        self.all.iter()
    }
}

impl fmt::Display for Violations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the carrier breaks its rules:")?;
        for violation in &self.all {
            write!(f, "\n{violation}")?;
        }
        Ok(())
    }
}

/// As `Display`: this is what a test shows that unwraps.
impl fmt::Debug for Violations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Violations {}
