//! What a shell and `man` want to know of the program.

use crate::arguments::Arguments;
use crate::command::output;
use crate::error::Error;
use clap::CommandFactory;
use clap_complete::Shell;
use std::path::Path;
use std::process::ExitCode;

pub(super) fn complete(shell: Shell) -> Result<ExitCode, Error> {
    let mut command = Arguments::command();
    // It panics where it cannot write, and to memory it always can.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, "otel-messaging", &mut script);
    output::bytes(&script)?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn write_man_pages(folder: &Path) -> Result<ExitCode, Error> {
    let written = std::fs::create_dir_all(folder)
        .and_then(|()| clap_mangen::generate_to(Arguments::command(), folder));
    written.map_err(|error| {
        Error::new(format_args!(
            "the man pages cannot be written to {}: {error}",
            folder.display()
        ))
    })?;
    Ok(ExitCode::SUCCESS)
}
