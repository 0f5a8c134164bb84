//! Which of several values of one name counts, by what the subject says of its protocol.

use super::subject::{Duplicates, Entry, Subject};
use crate::carrier::headers::Carrier;

/// The values of a name among which one counts.
pub(super) fn candidates<'a, S: Subject>(
    headers: &'a S::Headers,
    entries: &[Entry<'a>],
    name: &str,
) -> Vec<&'a str> {
    let exact = entries
        .iter()
        .filter(|entry| S::EXACT_FIRST && entry.name == name.as_bytes());
    let exact: Vec<_> = exact.filter_map(Entry::as_text).collect();
    if exact.is_empty() {
        return headers.get_all(name).collect();
    }
    exact.into_iter().map(|(_, value)| value).collect()
}

/// Which of the values of one name counts.
pub(super) fn counting<'a, S: Subject>(values: &[&'a str]) -> Option<&'a str> {
    let first = values.first()?;
    match S::DUPLICATES {
        _ if values.iter().all(|value| value == first) => Some(first),
        Duplicates::Refused => None,
        Duplicates::FirstCounts => Some(first),
        Duplicates::LastCounts => values.last().copied(),
    }
}
