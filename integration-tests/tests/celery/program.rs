//! A Python program in `celery/`, and what it says.

use integration_tests::client::{in_time, unique};
use integration_tests::private::PrivateBroker;
use integration_tests::python;
use serde_json::Value;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

const TIME_TO_END: Duration = Duration::from_secs(30);

/// It runs until this value is dropped, or the test program ends in whatever way.
pub(crate) struct Program {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    said: Vec<Value>,
    log: PathBuf,
}

impl Program {
    /// A worker that takes what is sent to this queue, with one process in its pool.
    pub(crate) async fn worker(queue: &str, options: &[&str]) -> Self {
        let mut worker = Self::start("worker.py", &[&[queue], options].concat(), None);
        worker
            .line("a worker", |line| line["ready"].is_number())
            .await;
        worker
    }

    /// A client that sends one task to this queue.
    pub(crate) fn client(queue: &str, task: &str, args: &str, kwargs: &str, more: &[&str]) -> Self {
        let arguments = [&[queue, task, args, kwargs], more].concat();
        Self::start("client.py", &arguments, None)
    }

    /// A client that sends one task by a broker of the test's own.
    pub(crate) fn client_of(
        broker: &PrivateBroker,
        queue: &str,
        args: &str,
        more: &[&str],
    ) -> Self {
        let arguments = [&[queue, "orders.pack", args, "{}"], more].concat();
        Self::start("client.py", &arguments, Some(broker.url()))
    }

    fn start(script: &str, arguments: &[&str], url: Option<&str>) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("celery");
        let log = Path::new(env!("CARGO_TARGET_TMPDIR")).join(unique(script));
        let mut command = Command::new(python::interpreter());
        if let Some(url) = url {
            command.env("AMQP_URL", url);
        }
        let mut child = command
            .arg(folder.join(script))
            .args(arguments)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(&log).expect("a log"))
            // It kills its group.
            .process_group(0)
            .spawn()
            .expect("the program runs");
        let said = child.stdout.take().expect("piped");
        Self {
            child,
            lines: BufReader::new(said).lines(),
            said: Vec::new(),
            log,
        }
    }

    /// The first line that is as wanted, among those said and to come.
    pub(crate) async fn line(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        if let Some(said) = self.said.iter().find(|line| wanted(line)) {
            return said.clone();
        }
        loop {
            let line = in_time(what, self.lines.next_line()).await;
            let line = line.expect("text from the program");
            let line = line.unwrap_or_else(|| panic!("{what}: the program has ended"));
            let line: Value = serde_json::from_str(&line).expect("JSON from the program");
            self.said.push(line.clone());
            if wanted(&line) {
                return line;
            }
        }
    }

    /// What the task of this identifier said when it ran.
    pub(crate) async fn run(&mut self, id: &str) -> Value {
        let ran = |line: &Value| line["ran"].is_string() && line["task"] == id;
        self.line(&format!("a run of {id}"), ran).await
    }

    /// The span of this name in this trace.
    pub(crate) async fn span(&mut self, name: &str, trace: &Value) -> Value {
        let wanted = |line: &Value| line["span"] == name && &line["trace"] == trace;
        self.line(name, wanted).await
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        // Its end is a matter of milliseconds; one that hangs is no reason to hang here too.
        let begun = Instant::now();
        while let Ok(None) = self.child.try_wait() {
            if begun.elapsed() > TIME_TO_END {
                let _ = self.child.start_kill();
            }
            thread::yield_now();
        }
        if thread::panicking() {
            let log = fs::read_to_string(&self.log).unwrap_or_default();
            eprintln!("the program's log:\n{log}");
        }
        let _ = fs::remove_file(&self.log);
    }
}
