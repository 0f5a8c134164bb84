//! What the doctor reports.

use serde_json::Value;
use std::process::{Output, Stdio};
use std::time::Duration;
use tokio::process::Command;

/// A look at few messages takes seconds; other tests run beside it.
const PATIENCE: Duration = Duration::from_secs(120);

/// Runs the program.
pub(crate) async fn run(arguments: &[&str]) -> Output {
    let running = Command::new(env!("CARGO_BIN_EXE_doctor"))
        .args(arguments)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(PATIENCE, running).await;
    let output = output.unwrap_or_else(|_| panic!("{arguments:?}: not within {PATIENCE:?}"));
    output.expect("the program runs")
}

/// A report in JSON.
pub(crate) struct Report {
    pub(crate) json: Value,
}

/// Lets the doctor look, with these arguments behind `doctor`.
pub(crate) async fn look(arguments: &[&str]) -> Report {
    let arguments = [&["doctor"], arguments, &["--json"]].concat();
    let output = run(&arguments).await;
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}");
    Report {
        json: serde_json::from_slice(&output.stdout).expect("JSON"),
    }
}

impl Report {
    /// What is counted of a producer.
    pub(crate) fn producer(&self, destination: &str, producer: &str) -> &Value {
        let named = |of: &'_ Value, name: &str| of["name"] == name;
        let destinations = self.json["destinations"].as_array().expect("a list");
        let mut destinations = destinations.iter();
        let found = destinations.find(|found| named(found, destination));
        let found = found.unwrap_or_else(|| panic!("no {destination} in {:#}", self.json));
        let mut producers = found["producers"].as_array().expect("a list").iter();
        let found = producers.find(|found| named(found, producer));
        found.unwrap_or_else(|| panic!("no {producer} in {:#}", self.json))
    }

    /// The codes of the findings of a producer.
    pub(crate) fn findings(&self, destination: &str, producer: &str) -> Vec<&str> {
        let findings = self.json["findings"].as_array().expect("a list");
        let of_producer = findings.iter().filter(|finding| {
            finding["destination"] == destination && finding["producer"] == producer
        });
        let codes = of_producer.map(|finding| finding["code"].as_str().expect("text"));
        codes.collect()
    }
}
