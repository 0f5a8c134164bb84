//! The program while it runs.

use crate::printed::Printed;
use crate::{PATIENCE, text};
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;

pub(crate) struct Started {
    child: Child,
    pub(crate) lines: Lines,
}

impl Started {
    pub(crate) fn of(program: &mut Command) -> Self {
        let program = program.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = program.spawn().expect("it runs");
        let lines = Lines::of(child.stdout.take().expect("it is piped"));
        Self { child, lines }
    }

    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args([name, &id]).status();
        assert!(sent.expect("kill runs").success());
    }

    /// Waits for its end.
    pub(crate) fn end(mut self) -> (Printed, Output) {
        self.lines.wait_for_end();
        let mut output = self.child.wait_with_output().expect("it ends");
        output.stdout = self.lines.seen.concat().into_bytes();
        (Printed::read(&text(&output.stdout)), output)
    }
}

/// The lines of a program that is running.
pub(crate) struct Lines {
    coming: mpsc::Receiver<String>,
    seen: Vec<String>,
}

impl Lines {
    pub(crate) fn of(stdout: ChildStdout) -> Self {
        let (sender, coming) = mpsc::channel();
        thread::spawn(move || {
            let mut stdout = BufReader::new(stdout);
            let mut line = String::new();
            while stdout.read_line(&mut line).is_ok_and(|read| read > 0) {
                if sender.send(std::mem::take(&mut line)).is_err() {
                    return;
                }
            }
        });
        let seen = Vec::new();
        Self { coming, seen }
    }

    pub(crate) fn wait_for(&mut self, start: &str) {
        loop {
            let line = self.coming.recv_timeout(PATIENCE);
            self.seen
                .push(line.unwrap_or_else(|error| panic!("{error}: {:?}", self.seen)));
            if self.seen.last().is_some_and(|line| line.starts_with(start)) {
                return;
            }
        }
    }

    pub(crate) fn wait_for_end(&mut self) {
        loop {
            match self.coming.recv_timeout(PATIENCE) {
                Ok(line) => self.seen.push(line),
                Err(mpsc::RecvTimeoutError::Disconnected) => return,
                Err(mpsc::RecvTimeoutError::Timeout) => panic!("no end: {:?}", self.seen),
            }
        }
    }
}
