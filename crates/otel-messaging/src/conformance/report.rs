//! The result.

use super::rule::Rule;
use std::fmt;

/// Proof that a carrier keeps the rules for which its protocol has headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    pub(super) untested: Vec<Rule>,
}

impl Report {
    /// The rules that the kit could not test, because the [`Subject`](super::Subject) built none of the
    /// headers for them, or because the carrier has no limit for headers ([`Rule::Room`]). Assert on this
    /// list, so that the test notices a subject that builds too little, and a carrier that no longer counts.
    #[must_use]
    pub fn untested(&self) -> &[Rule] {
        &self.untested
    }
}

/// A rule that a carrier breaks, and the first case that shows it.
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

    /// The headers, what the kit did to them, and the result, in words. All of it is made up by the kit.
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
    /// One for each broken rule, in the order of [`Rule::ALL`].
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

/// The same as `Display`, because a test that unwraps shows this.
impl fmt::Debug for Violations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Violations {}
