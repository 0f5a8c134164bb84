//! Scripts of `integration-tests` that make a program and print its path.

use std::path::PathBuf;
use std::process::Command;

/// Runs the script and gives the path that it prints.
///
/// # Panics
///
/// When the script fails, with what it says.
pub(crate) fn path_from(script: &str) -> PathBuf {
    let output = Command::new(script).output();
    let output = output.unwrap_or_else(|error| panic!("{script}: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script} failed; it said:\n{said}");
    let path = String::from_utf8(output.stdout).expect("a path in UTF-8");
    PathBuf::from(path.trim_end_matches('\n'))
}
