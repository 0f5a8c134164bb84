//! The program under test, as a process.

use crate::line::Line;
use integration_tests::client::in_time;
use std::process::{ExitStatus, Stdio};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};

pub(crate) struct Program {
    name: String,
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    complaints: Lines<BufReader<ChildStderr>>,
}

/// A program that has ended by itself.
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) lines: Vec<Line>,
    pub(crate) complaints: String,
}

impl Program {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_outbox"));
        for variable in ["DATABASE_URL", "KAFKA_BROKERS"] {
            command.env_remove(variable);
        }
        command
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn().expect("it runs");
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let complaints = BufReader::new(child.stderr.take().expect("piped")).lines();
        Self {
            name: arguments.join(" "),
            child,
            lines,
            complaints,
        }
    }

    /// The next line of this step, or of the span with this name.
    pub(crate) async fn line(&mut self, who: &str, what: &str) -> Line {
        let found = async {
            while let Some(text) = self.lines.next_line().await.expect("text") {
                let line = Line::read(&text);
                if line.who == who && line.what == what {
                    return Some(line);
                }
            }
            None
        };
        let found = in_time(what, found).await;
        if let Some(line) = found {
            return line;
        }
        let mut complaint = String::new();
        let rest = self.complaints.get_mut().read_to_string(&mut complaint);
        rest.await.expect("text");
        panic!(
            "{} has ended before it said `{who} {what}`: {complaint}",
            self.name
        );
    }

    /// The next line on stderr.
    pub(crate) async fn complaint(&mut self) -> String {
        let line = in_time("a complaint", self.complaints.next_line()).await;
        line.expect("text").expect("a line")
    }

    /// Waits until it has said that it stands at this point, and kills it there with SIGKILL.
    pub(crate) async fn killed_at(mut self, point: &str) {
        self.line("stopped", point).await;
        self.killed().await;
    }

    pub(crate) async fn killed(mut self) {
        in_time("the end", self.child.kill()).await.expect("killed");
    }

    /// Waits until it has ended by itself.
    pub(crate) async fn end(mut self) -> Ended {
        let ended = async {
            let (mut said, mut complaints) = (Vec::new(), String::new());
            while let Some(text) = self.lines.next_line().await.expect("text") {
                said.push(Line::read(&text));
            }
            let rest = self.complaints.get_mut().read_to_string(&mut complaints);
            rest.await.expect("text");
            let status = self.child.wait().await.expect("a status");
            (status, said, complaints)
        };
        let (status, lines, complaints) = in_time(&self.name, ended).await;
        Ended {
            status,
            lines,
            complaints,
        }
    }

    /// Waits until it has ended well; what it has said.
    pub(crate) async fn success(self) -> Vec<Line> {
        let name = self.name.clone();
        let ended = self.end().await;
        assert!(ended.status.success(), "{name}: {}", ended.complaints);
        assert_eq!(ended.complaints, "", "{name}");
        ended.lines
    }

    /// Waits until it has failed with one line on stderr: that line.
    pub(crate) async fn failure(self) -> String {
        let name = self.name.clone();
        let ended = self.end().await;
        assert_eq!(ended.status.code(), Some(1), "{name}");
        let complaints = ended.complaints;
        assert_eq!(complaints.lines().count(), 1, "{name}: {complaints}");
        complaints
    }
}

/// The line of this step, or of the span with this name.
#[track_caller]
pub(crate) fn only<'a>(lines: &'a [Line], who: &str, what: &str) -> &'a Line {
    let mut found = all(lines, who, what).into_iter();
    let line = found.next();
    let line = line.unwrap_or_else(|| panic!("no `{who} {what}` in {lines:#?}"));
    assert_eq!(found.next(), None, "{who} {what}");
    line
}

pub(crate) fn all<'a>(lines: &'a [Line], who: &str, what: &str) -> Vec<&'a Line> {
    let found = lines.iter();
    found
        .filter(|line| line.who == who && line.what == what)
        .collect()
}
