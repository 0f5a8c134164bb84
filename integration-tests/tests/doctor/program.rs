//! The program, run as a user runs it.

use integration_tests::client::in_time;
use serde_json::Value;
use std::process::{Output, Stdio};
use std::time::Instant;
use tokio::process::{Child, Command};

/// How long a look may take that cannot look.
const REFUSAL: std::time::Duration = std::time::Duration::from_secs(12);

/// A look that goes on.
pub(crate) struct Look(Child);

/// Starts `otel-messaging doctor` with these arguments.
pub(crate) fn start(arguments: &[&str]) -> Look {
    let mut command = Command::new(env!("CARGO_BIN_EXE_doctor"));
    for (name, _) in std::env::vars() {
        if ["AMQP_", "KAFKA_", "NATS_"]
            .iter()
            .any(|prefix| name.starts_with(prefix))
        {
            command.env_remove(name);
        }
    }
    let started = command
        .arg("doctor")
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn();
    Look(started.expect("the program starts"))
}

impl Look {
    /// The report in JSON, once the look has ended.
    pub(crate) async fn report(self) -> Value {
        let output = self.output().await;
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {said}", output.status);
        serde_json::from_slice(&output.stdout).expect("a report in JSON")
    }

    /// Asks it to end, as Ctrl-C does, once it listens for that.
    pub(crate) async fn interrupt(&self) {
        let id = self.0.id().expect("it runs");
        let path = format!("/proc/{id}/status");
        let catches = || {
            let status = std::fs::read_to_string(&path).expect("its status");
            let mut lines = status.lines();
            let caught = lines
                .find_map(|line| line.strip_prefix("SigCgt:"))
                .expect("its signals");
            let caught = u64::from_str_radix(caught.trim(), 16).expect("a number");
            caught & 0b10 != 0 // SIGINT is the second
        };
        while !catches() {
            tokio::task::yield_now().await;
        }
        let killed = Command::new("kill")
            .args(["-INT", &id.to_string()])
            .status()
            .await;
        assert!(killed.expect("kill").success());
    }

    async fn output(self) -> Output {
        let output = in_time("the look", self.0.wait_with_output()).await;
        output.expect("its output")
    }
}

/// How many messages a look saw, and why it ended.
pub(crate) async fn counted(arguments: &[&str]) -> (u64, String) {
    let arguments = [arguments, &["--json"]].concat();
    let report = start(&arguments).report().await;
    counts(&report)
}

pub(crate) fn counts(report: &Value) -> (u64, String) {
    let messages = report["messages"].as_u64().expect("a number");
    let end = report["ended_by"].as_str().expect("a reason");
    (messages, end.to_owned())
}

/// The only line that it prints when it cannot look, with exit status 2.
pub(crate) async fn refusal(arguments: &[&str]) -> String {
    let begin = Instant::now();
    let output = start(arguments).output().await;
    assert!(begin.elapsed() < REFUSAL, "{:?}", begin.elapsed());
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
    let said = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(said.lines().count(), 1, "{said}");
    said.trim_end().to_owned()
}

/// The refusal names each of these.
pub(crate) async fn refuses(arguments: &[&str], named: &[&str]) {
    let said = refusal(arguments).await;
    for name in named {
        assert!(said.contains(name), "{name} is not in: {said}");
    }
}
