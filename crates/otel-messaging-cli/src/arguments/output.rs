//! What becomes of a report, on the command line.

use crate::arguments::percent::Percent;
use crate::spans::SpansFrom;
use clap::Args;
use std::path::PathBuf;

/// What becomes of the report
#[derive(Debug, Args)]
#[command(next_help_heading = "The report")]
pub(crate) struct OutputArguments {
    /// Join the messages with exported spans, and name the hop at which the trace breaks: a file of OTLP JSON, `-`
    /// for standard input, or the address of Jaeger's query service. A token for Jaeger is taken from the environment
    /// variable OTEL_MESSAGING_SPANS_TOKEN
    #[arg(long, value_name = "FILE|URL")]
    pub(crate) spans: Option<SpansFrom>,
    /// Write JSON to standard output, in place of tables
    #[arg(long)]
    pub(crate) json: bool,
    /// Also write a page of HTML, which needs no other file
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Exit with status 1 if fewer messages than this share have a valid context, such as 95%
    #[arg(long, value_name = "PERCENT")]
    pub(crate) fail_under: Option<Percent>,
    /// Show values of baggage, which may be secret or personal. Only names are shown without it
    #[arg(long)]
    pub(crate) show_values: bool,
}
