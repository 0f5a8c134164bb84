//! What the doctor reports.

use serde_json::Value;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;

/// A look at few messages takes seconds; other tests run beside it.
const PATIENCE: Duration = Duration::from_secs(120);

/// A report in JSON.
pub(crate) struct Report {
    pub(crate) json: Value,
}

/// Lets the doctor look, with these arguments behind `doctor`.
pub(crate) async fn look(arguments: &[&str]) -> Report {
    let running = Command::new(env!("CARGO_BIN_EXE_doctor"))
        .arg("doctor")
        .args(arguments)
        .arg("--json")
        // Files are named from here, so that reports are alike on each machine.
        .current_dir(env!("CARGO_TARGET_TMPDIR"))
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(PATIENCE, running).await;
    let output = output.unwrap_or_else(|_| panic!("{arguments:?}: not within {PATIENCE:?}"));
    let output = output.expect("the program runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}");
    Report {
        json: serde_json::from_slice(&output.stdout).expect("JSON"),
    }
}
