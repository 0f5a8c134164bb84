//! `otel-messaging explain`.

use crate::message::System;
use clap::{Args, ValueEnum};

/// Explain a field or the headers of a message: what is in it, which rule it breaks, and what readers make of it
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ExplainArguments {
    /// What VALUE is
    pub(crate) field: Field,
    /// The field's value, or the headers as JSON. Without it, or with `-`, it is read from standard input
    pub(crate) value: Option<String>,
    /// Show only what this system's readers make of it
    #[arg(long)]
    pub(crate) system: Option<System>,
    /// Write JSON to standard output
    #[arg(long)]
    pub(crate) json: bool,
}

/// What is explained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Field {
    Traceparent,
    Tracestate,
    Baggage,
    /// All headers of a message: a JSON object of names and values, or names and values in turn as kcat prints them
    Headers,
}

const EXAMPLES: &str = "\
Examples:
  otel-messaging explain traceparent 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01
  otel-messaging explain baggage 'tenant=acme%20corp;internal,rate=100%25'
  otel-messaging explain headers '{\"Traceparent\": \"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\"}' --system nats
  kcat -C -b localhost -t orders -c 1 -J | jq .headers | otel-messaging explain headers --system kafka

Exit status:
  0  all of it is valid; for headers, a consumer also joins the sender's trace
  1  some of it is invalid, or no single context is in the headers
  2  it could not be read";
