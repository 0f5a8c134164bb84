//! One service as a process.

use crate::service::listens_at;
use anyhow::{Context, anyhow};
use rustix::process::{Pid, Signal, kill_process};
use std::collections::VecDeque;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStderr, ChildStdin, Command};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// How long a service may take to start, and to end what it has in hand.
const PATIENCE: Duration = Duration::from_secs(30);
/// How many of its last lines are kept, for an error.
const KEPT: usize = 3;

/// A service that runs. It ends with this program, however this program ends: it reads its standard input.
pub(super) struct Process {
    pub(super) name: &'static str,
    child: Child,
    _input: Option<ChildStdin>,
    ready: oneshot::Receiver<String>,
    /// Reads what it says on its standard error.
    reading: JoinHandle<VecDeque<String>>,
}

impl Process {
    /// Starts it. Its log lines go to this program's standard output, or nowhere.
    pub(super) fn start(
        name: &'static str,
        mut command: Command,
        shows_lines: bool,
    ) -> anyhow::Result<Self> {
        command.kill_on_drop(true);
        // Ctrl-C ends this program, which ends the services in their order.
        command.process_group(0);
        let lines = if shows_lines {
            Stdio::inherit()
        } else {
            Stdio::null()
        };
        command
            .stdin(Stdio::piped())
            .stdout(lines)
            .stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let errors = child.stderr.take().context("no pipe")?;
        let (say, ready) = oneshot::channel();
        Ok(Self {
            name,
            _input: child.stdin.take(),
            child,
            ready,
            reading: tokio::spawn(read(errors, name, say)),
        })
    }

    /// Waits, once, until it takes work. Returns where it listens, if it does.
    pub(super) async fn ready(&mut self) -> anyhow::Result<String> {
        let said = timeout(PATIENCE, &mut self.ready).await;
        match said.map_err(|_| anyhow!("{} is not ready after {PATIENCE:?}", self.name))? {
            Ok(at) => Ok(at),
            // Its output has ended.
            Err(_) => Err(self.ended().await),
        }
    }

    /// Waits until it ends by itself. No service should.
    pub(super) async fn ended(&mut self) -> anyhow::Error {
        let status = match self.child.wait().await {
            Ok(status) => status,
            Err(error) => return error.into(),
        };
        let said = timeout(PATIENCE, &mut self.reading).await;
        let said = said.ok().and_then(Result::ok).unwrap_or_default();
        match said.back() {
            Some(line) if !status.success() => anyhow!("{line}"),
            _ => anyhow!("{} ended with {status}", self.name),
        }
    }

    /// Ends it, and waits for its end.
    pub(super) async fn stop(&mut self) -> anyhow::Result<()> {
        let id = self.child.id().and_then(|id| i32::try_from(id).ok());
        let Some(id) = id.and_then(Pid::from_raw) else {
            return Ok(()); // it has ended, and somebody has said so
        };
        kill_process(id, Signal::TERM)?;
        let Ok(status) = timeout(PATIENCE, self.child.wait()).await else {
            self.child.kill().await?;
            return Err(anyhow!("{} does not end, and was killed", self.name));
        };
        if status?.success() {
            return Ok(());
        }
        Err(self.ended().await)
    }
}

/// Reads lines to their end. Returns the last ones.
async fn read(
    errors: ChildStderr,
    name: &'static str,
    say: oneshot::Sender<String>,
) -> VecDeque<String> {
    let (mut say, mut last) = (Some(say), VecDeque::new());
    let mut lines = BufReader::new(errors).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if let Some(at) = listens_at(name, &line)
            && let Some(say) = say.take()
        {
            // Nobody may wait for it any more.
            let _ = say.send(at.to_owned());
            continue;
        }
        last.push_back(line);
        if last.len() > KEPT {
            last.pop_front();
        }
    }
    last
}
