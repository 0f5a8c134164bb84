//! `otel-messaging extract`.

use clap::Args;

/// Print the context in the headers of a message, decoded
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ExtractArguments {
    /// The headers as JSON. Without them, or with `-`, they are read from standard input
    pub(crate) headers: Option<String>,
    /// Write JSON to standard output
    #[arg(long)]
    pub(crate) json: bool,
}

const EXAMPLES: &str = "\
Examples:
  otel-messaging extract '{\"traceparent\": \"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\"}'
  otel-messaging inject | otel-messaging extract --json | jq -r .trace_id

Exit status:
  0  there is a valid context
  1  there is none, or contexts contradict each other
  2  the headers could not be read";
