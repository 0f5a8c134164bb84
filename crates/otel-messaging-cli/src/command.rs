//! From the command line to an exit status.

use crate::arguments::Arguments;
use clap::Parser;
use std::process::ExitCode;

/// Runs the program on the arguments of the process.
///
/// The exit status is 0 if the command did its work, 1 if what it looked at does not pass (an invalid
/// field, a share below `--fail-under`), and 2 if it could not look: wrong arguments, an address that
/// does not answer, credentials that are refused, a topic that does not exist.
pub fn main() -> ExitCode {
    match Arguments::parse().command {}
}
