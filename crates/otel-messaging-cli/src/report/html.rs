//! The report as a page: one file, without a script and without a request.

mod bar;
mod destination;
mod diagram;
mod finding;
mod hops;
#[cfg(test)]
mod tests;

use crate::error::Error;
use crate::report::Report;
use crate::report::clean::clean;
use crate::report::sentence::Sentence;
use crate::report::tone::Tone;
use askama::Template;
use bar::Bar;
use destination::DestinationPart;
use diagram::Diagram;
use finding::FindingPart;
use hops::HopRow;
use indicatif::HumanCount as Count;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// How many characters of a name are shown.
const NAME: usize = 120;
const SENTENCE: usize = 1_000;

/// Whoever looks at the file sees the old report or the new one, whole.
pub(crate) fn write(report: &Report, file: &Path) -> Result<(), Error> {
    replace(report, file).map_err(|error| failed(file, &error))
}

/// Tells early that [`write`] would fail.
pub(crate) fn can_be_written(file: &Path) -> Result<(), Error> {
    let can = beside(file).and_then(|beside| {
        if file.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        create(&beside)?;
        std::fs::remove_file(&beside)
    });
    can.map_err(|error| failed(file, &error))
}

fn failed(file: &Path, error: &io::Error) -> Error {
    Error::new(format_args!(
        "--html {}: the page cannot be written: {error}",
        file.display()
    ))
}

fn replace(report: &Report, file: &Path) -> io::Result<()> {
    let beside = beside(file)?;
    let written = create(&beside)
        .and_then(|created| {
            let mut created = BufWriter::new(created);
            Page::of(report).write_into(&mut created)?;
            created.flush()
        })
        .and_then(|()| std::fs::rename(&beside, file));
    if written.is_err() {
        // The first error is the one to tell.
        let _ = std::fs::remove_file(&beside);
    }
    written
}

/// Where the page is written before it takes the place of the file.
fn beside(file: &Path) -> io::Result<PathBuf> {
    let name = file.file_name().ok_or(io::ErrorKind::IsADirectory)?;
    let mut beside = std::ffi::OsString::from(".");
    beside.push(name);
    beside.push(format!(".{}.part", std::process::id()));
    Ok(file.with_file_name(beside))
}

fn create(beside: &Path) -> io::Result<File> {
    // What a killed process left, which had the same id.
    if let Err(error) = std::fs::remove_file(beside)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(error);
    }
    File::create_new(beside)
}

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'r> {
    title: String,
    system: String,
    address: String,
    result: Sentence,
    tone: Tone,
    hops_result: Option<String>,
    valid: String,
    messages: String,
    severities: String,
    started_at: String,
    took: String,
    ended_by: String,
    overall: Bar,
    findings: Vec<FindingPart<'r>>,
    destinations: Vec<DestinationPart>,
    diagrams: Vec<Diagram>,
    hops: Vec<HopRow>,
    more_hops: Option<String>,
    spans_from: Option<String>,
    notes: Vec<String>,
    version: &'static str,
}

impl<'r> Page<'r> {
    fn of(report: &'r Report) -> Self {
        let names = report.destinations.iter().take(3);
        let names: Vec<String> = names.map(|each| clean(&each.name, 40)).collect();
        let valid = if report.messages == 0 {
            "–".to_owned()
        } else {
            report.healthy.rounded()
        };
        let hops = report.hops.as_ref();
        Self {
            title: match names.as_slice() {
                [] => format!("{}: no messages – otel-messaging", report.system),
                _ => format!("{}: {valid} valid – otel-messaging", names.join(", ")),
            },
            system: report.system.to_string(),
            address: clean(&report.address, 200),
            result: report.result(),
            tone: report.tone(),
            hops_result: hops.map(|hops| hops.result()),
            valid,
            messages: Count(report.messages).to_string(),
            severities: report.severities(),
            started_at: clean(&report.started_at, 40),
            took: report.took(),
            ended_by: report.ended_by.to_string(),
            overall: Bar::of(&report.health()),
            findings: finding::parts(&report.findings),
            destinations: report
                .destinations
                .iter()
                .map(DestinationPart::of)
                .collect(),
            diagrams: match hops {
                Some(hops) => hops::diagrams(hops),
                None => destination::diagrams(&report.destinations),
            },
            hops: hops.map(hops::rows).unwrap_or_default(),
            more_hops: hops.and_then(hops::more),
            spans_from: hops.map(|hops| clean(&hops.spans_from, 200)),
            notes: report
                .notes
                .iter()
                .map(|note| clean(note, SENTENCE))
                .collect(),
            version: env!("CARGO_PKG_VERSION"),
        }
    }
}
