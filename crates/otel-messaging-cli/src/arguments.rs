//! The command line.

pub(crate) mod explain;
pub(crate) mod extract;
pub(crate) mod inject;

use crate::arguments::explain::ExplainArguments;
use crate::arguments::extract::ExtractArguments;
use crate::arguments::inject::InjectArguments;
use clap::{Parser, Subcommand};

/// Finds where a trace breaks at RabbitMQ, Kafka or NATS, and explains the headers that carry it.
#[derive(Debug, Parser)]
#[command(name = "otel-messaging", version, propagate_version = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Explain(ExplainArguments),
    Extract(ExtractArguments),
    Inject(InjectArguments),
}
