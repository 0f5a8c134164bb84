//! The shop while it takes orders.

use crate::program::PATIENCE;
use serde_json::Value;
use std::process::{ExitStatus, Stdio};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::timeout;

/// The shop, which takes orders.
pub(crate) struct Serving {
    pub(crate) child: Child,
    /// Where it takes them.
    pub(crate) url: String,
    lines: UnboundedReceiver<String>,
    /// Has billing's database.
    _folder: TempDir,
}

impl Serving {
    /// Starts it on a free port, and waits until it takes orders.
    pub(crate) async fn start(command: Command) -> Self {
        let mut serving = Self::unread(command).await;
        let (keep, lines) = unbounded_channel();
        serving.lines = lines;
        let logged = serving.child.stdout.take().expect("piped");
        let mut logged = BufReader::new(logged).lines();
        tokio::spawn(async move {
            while let Ok(Some(line)) = logged.next_line().await {
                // A test that has ended reads no more.
                let _ = keep.send(line);
            }
        });
        serving
    }

    /// The same, and nobody reads its log lines.
    pub(crate) async fn unread(mut command: Command) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        command.args(["--serve", "--listen", "127.0.0.1:0", "--database"]);
        command.arg(folder.path().join("invoices.db"));
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("it runs");
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
            lines: unbounded_channel().1,
            _folder: folder,
        }
    }

    /// Waits for a log line, as JSON.
    pub(crate) async fn line(&mut self, is_wanted: impl Fn(&Value) -> bool) -> Value {
        let wanted = async {
            loop {
                let line = self.lines.recv().await.expect("the shop runs");
                let read: Value =
                    serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line}: {error}"));
                if is_wanted(&read) {
                    return read;
                }
            }
        };
        timeout(PATIENCE, wanted).await.expect("in time")
    }

    /// Waits until it and all its services have ended.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        while self.lines.recv().await.is_some() {}
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
