//! From the command line to an exit status.

mod doctor;
mod explain;
mod extract;
mod inject;
mod output;
mod shell;

use crate::arguments::{Arguments, Command};
use crate::error::Error;
use crate::explain::escape;
use clap::{ColorChoice, Parser};
use std::process::ExitCode;

/// What a command could not read is an error of so many characters at most.
const LONGEST_ERROR: usize = 1000;

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
    run(arguments.command).unwrap_or_else(|error| {
        let error = escape::cut(&error.to_string(), LONGEST_ERROR);
        anstream::eprintln!("error: {error}");
        ExitCode::from(2)
    })
}

fn run(command: Command) -> Result<ExitCode, Error> {
    match command {
        Command::Explain(arguments) => explain::run(arguments),
        Command::Extract(arguments) => extract::run(arguments),
        Command::Inject(arguments) => inject::run(arguments),
        Command::Doctor(arguments) => doctor::run(&arguments),
        Command::Completions { shell } => shell::complete(shell),
        Command::Man { folder } => shell::write_man_pages(&folder),
    }
}
