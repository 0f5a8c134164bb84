//! The command line.

pub(crate) mod bounds;
pub(crate) mod doctor;
pub(crate) mod explain;
pub(crate) mod extract;
pub(crate) mod inject;
pub(crate) mod kafka;
pub(crate) mod nats;
pub(crate) mod output;
pub(crate) mod percent;
pub(crate) mod rabbitmq;
pub(crate) mod secret;
pub(crate) mod url;

use crate::arguments::doctor::DoctorArguments;
use crate::arguments::explain::ExplainArguments;
use crate::arguments::extract::ExtractArguments;
use crate::arguments::inject::InjectArguments;
use clap::{ColorChoice, Parser, Subcommand};
use clap_complete::Shell;
use std::path::PathBuf;

/// Finds where a trace breaks at RabbitMQ, Kafka or NATS, and explains the headers that carry it
#[derive(Debug, Parser)]
#[command(name = "otel-messaging", version, propagate_version = true, after_help = STATUSES)]
pub(crate) struct Arguments {
    /// When to use colours. NO_COLOR turns them off too
    #[arg(long, global = true, value_name = "WHEN", default_value_t = ColorChoice::Auto)]
    pub(crate) color: ColorChoice,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Explain(ExplainArguments),
    Extract(ExtractArguments),
    Inject(InjectArguments),
    Doctor(Box<DoctorArguments>),
    /// Print the completions of a shell
    #[command(
        after_help = "Example:\n  otel-messaging completions bash > ~/.local/share/bash-completion/completions/otel-messaging"
    )]
    Completions {
        shell: Shell,
    },
    /// Write the man pages into a folder, one for each command. The folder is created if it does not exist
    #[command(after_help = "Example:\n  otel-messaging man ~/.local/share/man/man1")]
    Man {
        folder: PathBuf,
    },
}

const STATUSES: &str = "\
Exit status:
  0  done
  1  what was looked at does not pass: an invalid field, or a share below --fail-under
  2  it could not look: wrong arguments, an address that does not answer, refused credentials";
