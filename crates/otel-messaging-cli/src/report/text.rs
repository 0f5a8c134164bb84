//! The report for a terminal.

mod findings;
mod hops;
mod layout;
mod producers;
#[cfg(test)]
mod tests;

use crate::report::Report;
use crate::report::clean::clean;
use crate::report::sentence::messages;
use anstyle::{AnsiColor, Effects, Style};
use layout::{Layout, style};
use std::io::{self, Write};

/// How many characters of a name are shown.
const NAME: usize = 80;

/// Writes with the sequences of colours always. `to` is a stream of anstream, which takes them out where they are
/// not wanted. Without a width, lines are as long as they come.
pub(crate) fn write(report: &Report, to: &mut impl Write, width: Option<u16>) -> io::Result<()> {
    let layout = Layout::new(width);
    let bold = Style::new().effects(Effects::BOLD);
    layout.paragraph(
        to,
        style(report.tone()) | Effects::BOLD,
        &report.result().to_string(),
    )?;
    if let Some(hops) = &report.hops {
        layout.paragraph(to, Style::new(), &hops.result())?;
    }

    for destination in &report.destinations {
        writeln!(to, "\n{bold}{}{bold:#}\n", clean(&destination.name, NAME))?;
        producers::write(destination, to, layout)?;
    }

    writeln!(to, "\n{bold}Findings{bold:#}: {}", report.severities())?;
    findings::write(&report.findings, to, layout)?;

    if let Some(hops) = &report.hops {
        writeln!(to, "\n{bold}Hops{bold:#}\n")?;
        hops::write(hops, to, layout)?;
    }

    if !report.notes.is_empty() {
        writeln!(to, "\n{bold}Notes{bold:#}\n")?;
        let notes = report
            .notes
            .iter()
            .map(|note| ["-".to_owned(), clean(note, 1_000)]);
        layout.list(to, notes)?;
    }
    writeln!(to)?;
    let dim = Style::new().fg_color(Some(AnsiColor::BrightBlack.into()));
    layout.paragraph(to, dim, &report.end())
}

impl Report {
    /// What was looked at, for how long, and why no longer.
    fn end(&self) -> String {
        format!(
            "{} of {} at {}, from {}, in {}: {}.",
            messages(self.messages),
            self.system,
            clean(&self.address, 200),
            clean(&self.started_at, 40),
            self.took(),
            self.ended_by
        )
    }

    /// Such as `2.3s` or `1m 5s`.
    pub(crate) fn took(&self) -> String {
        let took = jiff::SignedDuration::try_from_secs_f64(self.seconds).unwrap_or_default();
        if took.as_secs() < 60 {
            return format!("{:.1}s", took.as_secs_f64());
        }
        format!("{:#}", jiff::SignedDuration::from_secs(took.as_secs()))
    }
}
