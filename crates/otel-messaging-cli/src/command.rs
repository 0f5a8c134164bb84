//! From the command line to an exit status.

use crate::arguments::{Arguments, Command};
use crate::doctor::doctor;
use crate::error::Error;
use clap::{ColorChoice, CommandFactory, Parser};
use std::io;
use std::path::Path;
use std::process::ExitCode;

/// Runs the program on the arguments of the process.
///
/// The exit status is 0 if the command did its work, 1 if what it looked at does not pass (an invalid
/// field, a share below `--fail-under`), and 2 if it could not look: wrong arguments, an address that
/// does not answer, credentials that are refused, a topic that does not exist.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match arguments.color {
        ColorChoice::Auto => {}
        ColorChoice::Always => anstream::ColorChoice::Always.write_global(),
        ColorChoice::Never => anstream::ColorChoice::Never.write_global(),
    }
    match run(&arguments.command) {
        Ok(status) => status,
        Err(error) => {
            anstream::eprintln!("otel-messaging: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(command: &Command) -> Result<ExitCode, Error> {
    match command {
        Command::Doctor(arguments) => {
            // One provider for all clients, whichever others a dependency brings along.
            let _ = rustls::crypto::ring::default_provider().install_default();
            let runtime = tokio::runtime::Runtime::new()
                .map_err(|error| Error::new(format_args!("no thread can be started: {error}")))?;
            runtime.block_on(doctor(arguments))
        }
        Command::Completions { shell } => {
            let mut command = Arguments::command();
            clap_complete::generate(*shell, &mut command, "otel-messaging", &mut io::stdout());
            Ok(ExitCode::SUCCESS)
        }
        Command::Man { folder } => write_man_pages(folder),
    }
}

fn write_man_pages(folder: &Path) -> Result<ExitCode, Error> {
    let written = clap_mangen::generate_to(Arguments::command(), folder);
    written.map_err(|error| Error::new(format_args!("{}: {error}", folder.display())))?;
    Ok(ExitCode::SUCCESS)
}
