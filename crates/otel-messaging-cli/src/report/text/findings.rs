//! What is wrong and what to do.

use super::NAME;
use super::layout::{Layout, style};
use crate::report::Finding;
use crate::report::clean::clean;
use crate::report::group::{Group, groups};
use crate::report::sentence::messages;
use crate::report::tone::Tone;
use anstyle::Effects;
use indicatif::HumanCount as Count;
use std::io::{self, Write};

/// How many producers with the same finding are named.
const PLACES: usize = 8;
const SENTENCE: usize = 600;

pub(super) fn write(findings: &[Finding], to: &mut impl Write, layout: Layout) -> io::Result<()> {
    for group in groups(findings) {
        let severity = style(Tone::from(group.severity)) | Effects::BOLD;
        writeln!(to)?;
        let title = match group.what {
            Some(what) => format!(
                "{} {}: {}",
                group.severity,
                group.code,
                clean(what, SENTENCE)
            ),
            None => format!("{} {}", group.severity, group.code),
        };
        layout.paragraph(to, severity, &title)?;
        layout.list(to, rows(&group).into_iter())?;
    }
    Ok(())
}

fn rows(group: &Group<'_>) -> Vec<[String; 2]> {
    let mut rows: Vec<[String; 2]> = Vec::new();
    // A label stands beside the first of its lines only.
    let mut labelled = |label: &str, texts: Vec<String>| {
        for (index, text) in texts.into_iter().enumerate() {
            let label = if index == 0 { label } else { "" };
            rows.push([label.to_owned(), text]);
        }
    };
    let mut places: Vec<String> = Vec::new();
    for finding in group.findings.iter().take(PLACES) {
        places.push(place(finding));
        if group.what.is_none() {
            places.push(clean(&finding.what, SENTENCE));
        }
        let example = finding.example.as_ref();
        places.extend(
            example
                .and_then(|example| example.header.as_deref())
                .map(|header| clean(header, 200)),
        );
    }
    let more = group.findings.len().saturating_sub(PLACES);
    if more > 0 {
        let sum: u64 = group
            .findings
            .iter()
            .skip(PLACES)
            .map(|finding| finding.messages)
            .sum();
        places.push(format!(
            "and {} more, {}",
            Count(more as u64),
            messages(sum)
        ));
    }
    labelled("where", places);
    let causes = group.causes.iter().map(|cause| clean(cause, SENTENCE));
    let causes: Vec<String> = match group.causes {
        [_] => causes.collect(),
        _ => causes
            .enumerate()
            .map(|(index, cause)| format!("{}. {cause}", index + 1))
            .collect(),
    };
    labelled("why", causes);
    if !group.fix.is_empty() {
        labelled("fix", vec![clean(group.fix, SENTENCE)]);
    }
    rows
}

fn place(finding: &Finding) -> String {
    let mut place = clean(&finding.destination, NAME);
    if !finding.producer.is_empty() {
        place.push_str(&format!(", {}", clean(&finding.producer, NAME)));
    }
    place.push_str(&format!(
        ": {} of {} messages",
        Count(finding.messages),
        Count(finding.of)
    ));
    if let Some(example) = &finding.example {
        place.push_str(&format!(", such as {}", example.place));
    }
    place
}
