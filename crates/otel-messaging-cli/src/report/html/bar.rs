//! The health of some messages, as a bar with its numbers.

use crate::report::Health;
use indicatif::HumanCount as Count;
use std::collections::BTreeMap;

pub(super) struct Bar {
    /// Only those that some message has.
    pub(super) parts: Vec<Part>,
}

pub(super) struct Part {
    pub(super) class: &'static str,
    pub(super) label: String,
    pub(super) count: String,
    /// Of the whole bar, in percent.
    pub(super) width: String,
}

impl Bar {
    pub(super) fn of(health: &BTreeMap<Health, u64>) -> Self {
        let all: f64 = health.values().map(|count| *count as f64).sum();
        let parts = health.iter().filter(|(_, count)| **count > 0);
        let parts = parts.map(|(health, count)| Part {
            class: class(*health),
            label: health.to_string(),
            count: Count(*count).to_string(),
            width: format!("{:.3}", *count as f64 * 100.0 / all),
        });
        Self {
            parts: parts.collect(),
        }
    }

    /// The same in words.
    pub(super) fn words(&self) -> String {
        let parts = self.parts.iter();
        let words: Vec<String> = parts
            .map(|part| format!("{} {}", part.count, part.label))
            .collect();
        words.join(", ")
    }
}

/// The class in the page, which has a colour for each.
pub(super) fn class(health: Health) -> &'static str {
    match health {
        Health::Valid => "valid",
        Health::Missing => "missing",
        Health::Malformed => "malformed",
        Health::Foreign => "foreign",
        Health::Contradicting => "contradicting",
    }
}
