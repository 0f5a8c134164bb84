//! How good or bad something is, which decides its colour.

use crate::report::{Health, HopState, Report, Severity};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    Good,
    Doubtful,
    Bad,
    Quiet,
}

impl Tone {
    /// Its class in the page.
    pub(crate) fn class(self) -> &'static str {
        match self {
            Tone::Good => "good",
            Tone::Doubtful => "doubtful",
            Tone::Bad => "bad",
            Tone::Quiet => "quiet",
        }
    }
}

impl Report {
    /// Of the whole result.
    pub(crate) fn tone(&self) -> Tone {
        match self.healthy.valid {
            _ if self.messages == 0 => Tone::Quiet,
            valid if valid < self.healthy.of => Tone::Bad,
            _ if self.disputed > 0 => Tone::Doubtful,
            _ => Tone::Good,
        }
    }
}

impl From<Health> for Tone {
    fn from(health: Health) -> Self {
        match health {
            Health::Valid => Tone::Good,
            Health::Missing | Health::Malformed => Tone::Bad,
            Health::Foreign | Health::Contradicting => Tone::Doubtful,
        }
    }
}

impl From<Severity> for Tone {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Error => Tone::Bad,
            Severity::Warning => Tone::Doubtful,
            Severity::Note => Tone::Quiet,
        }
    }
}

impl From<HopState> for Tone {
    fn from(state: HopState) -> Self {
        match state {
            HopState::Joined => Tone::Good,
            HopState::OnlyLinked | HopState::NoConsumer => Tone::Doubtful,
            HopState::OwnTrace | HopState::ProducerNotExported | HopState::NoContext => Tone::Bad,
            HopState::Unsampled => Tone::Quiet,
        }
    }
}
