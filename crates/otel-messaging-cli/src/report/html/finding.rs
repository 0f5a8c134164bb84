//! A finding as a card.

use super::{NAME, SENTENCE};
use crate::report::clean::{self, clean};
use crate::report::group::{Group, groups};
use crate::report::sentence::messages;
use crate::report::tone::Tone;
use crate::report::{Finding, Severity};
use indicatif::HumanCount as Count;

/// How many cards are open when the page is, and how many places each lists.
const OPEN: usize = 12;
const PLACES: usize = 100;

pub(super) struct FindingPart<'r> {
    pub(super) severity: Severity,
    pub(super) tone: Tone,
    pub(super) code: &'r str,
    pub(super) what: Option<String>,
    pub(super) messages: String,
    pub(super) places: Vec<Place>,
    pub(super) more: Option<String>,
    pub(super) has_examples: bool,
    pub(super) causes: Vec<String>,
    pub(super) fix: String,
    pub(super) is_open: bool,
}

pub(super) struct Place {
    pub(super) destination: String,
    pub(super) producer: String,
    pub(super) messages: String,
    pub(super) of: String,
    /// Where it differs from place to place.
    pub(super) what: Option<String>,
    pub(super) example: Option<String>,
    pub(super) header: Option<String>,
}

pub(super) fn parts(findings: &[Finding]) -> Vec<FindingPart<'_>> {
    let groups = groups(findings).into_iter().enumerate();
    let parts = groups.map(|(index, group)| {
        let more = group.findings.len().saturating_sub(PLACES);
        let places: Vec<Place> = group
            .findings
            .iter()
            .take(PLACES)
            .map(|finding| place(&group, finding))
            .collect();
        let sum: u64 = group
            .findings
            .iter()
            .fold(0, |sum, finding| finding.messages.saturating_add(sum));
        FindingPart {
            severity: group.severity,
            tone: Tone::from(group.severity),
            code: group.code,
            what: group.what.map(|what| clean(what, SENTENCE)),
            messages: messages(sum),
            has_examples: places.iter().any(|place| place.example.is_some()),
            places,
            more: (more > 0).then(|| Count(more as u64).to_string()),
            causes: group
                .causes
                .iter()
                .map(|cause| clean(cause, SENTENCE))
                .collect(),
            fix: clean(group.fix, SENTENCE),
            is_open: group.severity != Severity::Note && index < OPEN,
        }
    });
    parts.collect()
}

fn place(group: &Group<'_>, finding: &Finding) -> Place {
    let example = finding.example.as_ref();
    let header = example.and_then(|example| example.header.as_deref());
    Place {
        destination: clean(&finding.destination, NAME),
        producer: clean::producer(&finding.producer, NAME),
        messages: Count(finding.messages).to_string(),
        of: Count(finding.of).to_string(),
        what: group.what.is_none().then(|| clean(&finding.what, SENTENCE)),
        example: example.map(|example| example.place.to_string()),
        header: header.map(|header| clean(header, 400)),
    }
}
