//! Python with Celery and OpenTelemetry's instrumentation of it.

use std::path::PathBuf;
use std::process::Command;

/// The interpreter that has what `integration-tests/requirements.txt` lists. The first call on a
/// machine may take a minute: it installs that.
///
/// # Panics
///
/// When it cannot be made, with what `integration-tests/python` says.
pub fn interpreter() -> PathBuf {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/python");
    let output = Command::new(script).output();
    let output = output.unwrap_or_else(|error| panic!("{script}: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script} failed; it said:\n{said}");
    let path = String::from_utf8(output.stdout).expect("a path in UTF-8");
    PathBuf::from(path.trim_end_matches('\n'))
}
