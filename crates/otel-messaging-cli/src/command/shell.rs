//! What a shell and `man` want to know of the program.

use crate::arguments::Arguments;
use crate::error::Error;
use clap::CommandFactory;
use clap_complete::Shell;
use std::io;
use std::path::Path;
use std::process::ExitCode;

pub(super) fn complete(shell: Shell) -> ExitCode {
    let mut command = Arguments::command();
    clap_complete::generate(shell, &mut command, "otel-messaging", &mut io::stdout());
    ExitCode::SUCCESS
}

pub(super) fn write_man_pages(folder: &Path) -> Result<ExitCode, Error> {
    let written = clap_mangen::generate_to(Arguments::command(), folder);
    written.map_err(|error| {
        Error::new(format_args!(
            "the man pages cannot be written to {}: {error}",
            folder.display()
        ))
    })?;
    Ok(ExitCode::SUCCESS)
}
