//! From the command line to an exit status.

mod doctor;
mod explain;
mod extract;
mod inject;
mod output;
mod shell;

use crate::arguments::{Arguments, Command};
use crate::error::Error;
use crate::escape;
use clap::{ColorChoice, Parser, ValueEnum};
use std::ffi::OsString;
use std::process::ExitCode;

/// What a command could not read is an error of so many characters at most.
const LONGEST_ERROR: usize = 1000;

/// Runs the program on the arguments of the process.
///
/// The exit status is 0 if the command did its work, 1 if what it looked at does not pass (an invalid
/// field, a share below `--fail-under`), and 2 if it could not look: wrong arguments, an address that
/// does not answer, credentials that are refused, a topic that does not exist.
pub fn main() -> ExitCode {
    // Help and the errors of arguments have colours too, and come before the arguments are known.
    apply(asked(std::env::args_os()));
    let arguments = Arguments::parse();
    apply(arguments.color);
    run(arguments.command).unwrap_or_else(|error| {
        let error = escape::cut(&error.to_string(), LONGEST_ERROR);
        anstream::eprintln!("error: {error}");
        ExitCode::from(2)
    })
}

/// What `--color` asks for. A wrong value is for clap to tell.
fn asked(arguments: impl Iterator<Item = OsString>) -> ColorChoice {
    let mut asked = ColorChoice::Auto;
    let arguments = arguments.map(|argument| argument.to_string_lossy().into_owned());
    let mut arguments = arguments.take_while(|argument| argument != "--");
    while let Some(argument) = arguments.next() {
        let value = match argument.strip_prefix("--color") {
            Some("") => arguments.next(),
            Some(rest) => rest.strip_prefix('=').map(str::to_owned),
            None => None,
        };
        let choice = value.and_then(|value| ColorChoice::from_str(&value, true).ok());
        asked = choice.unwrap_or(asked);
    }
    asked
}

/// For standard output, standard error, and the line of progress.
fn apply(color: ColorChoice) {
    let color = match color {
        ColorChoice::Auto => return,
        ColorChoice::Always => anstream::ColorChoice::Always,
        ColorChoice::Never => anstream::ColorChoice::Never,
    };
    color.write_global();
    let has_colors = color == anstream::ColorChoice::Always;
    console::set_colors_enabled(has_colors);
    console::set_colors_enabled_stderr(has_colors);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_choice_of_colours_is_known_before_the_arguments_are() {
        for (arguments, choice) in [
            (&["explain", "--color", "never"][..], ColorChoice::Never),
            (&["--color=always", "explain"], ColorChoice::Always),
            (&["--color", "always", "--color=NEVER"], ColorChoice::Never),
            (&["--color", "blue"], ColorChoice::Auto),
            (&["--colors=never"], ColorChoice::Auto),
            (&["--", "--color=never"], ColorChoice::Auto),
            (&["--color"], ColorChoice::Auto),
        ] {
            let given = arguments.iter().map(OsString::from);
            assert_eq!(asked(given), choice, "{arguments:?}");
        }
    }
}
