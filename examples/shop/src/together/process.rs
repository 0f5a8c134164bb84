//! One service as a process.

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::collections::VecDeque;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::oneshot;
use tokio::time::timeout;

/// How long a service may take to end what it has in hand.
const END: Duration = Duration::from_secs(30);
/// How many of its last lines are kept, for the case that it fails.
const KEPT: usize = 8;

/// A service that runs. It is killed when this is dropped.
pub(super) struct Process {
    pub(super) name: &'static str,
    child: Child,
    last: Arc<Mutex<VecDeque<String>>>,
    ready: Option<oneshot::Receiver<String>>,
}

impl Process {
    /// Starts it. With `echo`, its lines go to the standard output too.
    pub(super) fn start(
        name: &'static str,
        mut command: Command,
        echo: bool,
    ) -> anyhow::Result<Self> {
        command.kill_on_drop(true);
        // Ctrl-C ends this program, which ends the services in their order.
        command.process_group(0);
        command.stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let (say, ready) = oneshot::channel();
        let last = Arc::default();
        if let Some(lines) = child.stdout.take() {
            tokio::spawn(read(lines, Arc::clone(&last), echo, Some(say)));
        }
        if let Some(lines) = child.stderr.take() {
            tokio::spawn(read(lines, Arc::clone(&last), echo, None));
        }
        Ok(Self {
            name,
            child,
            last,
            ready: Some(ready),
        })
    }

    /// Waits until it takes work. Returns where it listens, if it does.
    pub(super) async fn ready(&mut self) -> anyhow::Result<String> {
        match self.ready.take() {
            Some(ready) => match ready.await {
                Ok(at) => Ok(at),
                // Its output has ended.
                Err(_) => Err(self.ended().await),
            },
            None => Ok(String::new()),
        }
    }

    /// Waits until it ends by itself, which it should not.
    pub(super) async fn ended(&mut self) -> anyhow::Error {
        match self.child.wait().await {
            Ok(status) => self.failure(status),
            Err(error) => error.into(),
        }
    }

    /// Ends it, and waits for its end.
    pub(super) async fn stop(&mut self) -> anyhow::Result<()> {
        let id = self.child.id().and_then(|id| i32::try_from(id).ok());
        if let Some(id) = id.and_then(Pid::from_raw) {
            kill_process(id, Signal::TERM)?;
        }
        let ended = timeout(END, self.child.wait()).await;
        let status = ended.map_err(|_| anyhow::anyhow!("{}: does not end", self.name))??;
        if status.success() {
            return Ok(());
        }
        Err(self.failure(status))
    }

    fn failure(&self, status: ExitStatus) -> anyhow::Error {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let said = last
            .iter()
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join(" | ");
        anyhow::anyhow!("{} ended with {status}; its last lines: {said}", self.name)
    }
}

async fn read(
    lines: impl AsyncRead + Unpin,
    last: Arc<Mutex<VecDeque<String>>>,
    echo: bool,
    mut ready: Option<oneshot::Sender<String>>,
) {
    let mut lines = BufReader::new(lines).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if ready.is_some()
            && let Some(at) = ready_at(&line)
            && let Some(ready) = ready.take()
        {
            // Nobody may wait for it any more.
            let _ = ready.send(at);
        }
        if echo {
            println!("{line}");
        }
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        last.truncate(KEPT);
        if last.len() == KEPT {
            last.pop_front();
        }
        last.push_back(line);
    }
}

/// Where the service listens, if this is the line that says that it is ready.
fn ready_at(line: &str) -> Option<String> {
    let line: Value = serde_json::from_str(line).ok()?;
    let fields = line.get("fields")?;
    let is_ready = fields.get("message")? == "ready";
    is_ready.then(|| {
        fields
            .get("at")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    })
}
