//! The shop while it takes orders.

use crate::program::PATIENCE;
use serde_json::Value;
use std::process::Stdio;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

/// The shop, which takes orders.
pub(crate) struct Serving {
    pub(crate) child: Child,
    /// Where it takes them.
    pub(crate) url: String,
    lines: Lines<BufReader<ChildStdout>>,
    /// Has billing's database.
    _folder: TempDir,
}

impl Serving {
    /// Starts it on a free port, and waits until it takes orders.
    pub(crate) async fn start(mut command: Command) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        command.args(["--serve", "--listen", "127.0.0.1:0", "--database"]);
        command.arg(folder.path().join("invoices.db"));
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("it runs");
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut said = BufReader::new(child.stderr.take().expect("piped")).lines();
        let line = timeout(PATIENCE, said.next_line()).await.expect("in time");
        let line = line.expect("text").expect("a line");
        let url = line.strip_prefix("shop: POST ");
        let url = url.and_then(|rest| rest.split(';').next());
        let url = url.unwrap_or_else(|| panic!("{line}")).to_owned();
        // What else it says is shown if the test fails.
        tokio::spawn(async move {
            while let Ok(Some(line)) = said.next_line().await {
                eprintln!("{line}");
            }
        });
        Self {
            child,
            url,
            lines,
            _folder: folder,
        }
    }

    /// The next line of a log, as JSON.
    pub(crate) async fn line(&mut self) -> Value {
        let line = timeout(PATIENCE, self.lines.next_line()).await;
        let line = line.expect("in time").expect("text").expect("a line");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line}: {error}"))
    }

    /// Reads its lines, so that it does not wait for that, until it ends.
    pub(crate) async fn ended(&mut self) -> std::process::ExitStatus {
        while let Ok(Some(_)) = self.lines.next_line().await {}
        self.child.wait().await.expect("a status")
    }

    /// Ends it as an operator would, and waits until all is exported.
    pub(crate) async fn stop(mut self) {
        let id = self.child.id().expect("it runs").to_string();
        let asked = Command::new("kill").arg(id).status().await;
        assert!(asked.expect("kill runs").success());
        let status = timeout(PATIENCE, self.ended()).await.expect("in time");
        assert!(status.success(), "{status}");
    }
}
