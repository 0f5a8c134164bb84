//! The program, run to its end.

use std::io::Write;
use std::process::{Command, Stdio};
use std::thread;

pub(crate) struct Ended {
    pub(crate) status: i32,
    pub(crate) output: String,
    pub(crate) errors: String,
}

pub(crate) fn run(arguments: &[&str]) -> Ended {
    run_with(arguments, b"")
}

/// With this on standard input.
pub(crate) fn run_with(arguments: &[&str], input: &[u8]) -> Ended {
    run_in(&[], arguments, input)
}

/// With a context in the environment.
pub(crate) fn run_in(environment: &[(&str, &str)], arguments: &[&str], input: &[u8]) -> Ended {
    let mut command = Command::new(env!("CARGO_BIN_EXE_otel-messaging"));
    for name in ["TRACEPARENT", "TRACESTATE", "BAGGAGE", "CLICOLOR_FORCE"] {
        command.env_remove(name);
    }
    command
        .args(arguments)
        .envs(environment.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    // The program may write before it has read all, or not read at all.
    let writing = thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    writing.join().unwrap();
    Ended {
        status: output.status.code().unwrap(),
        output: String::from_utf8(output.stdout).unwrap(),
        errors: String::from_utf8(output.stderr).unwrap(),
    }
}

/// What it says on standard error, where it ends with status 2.
pub(crate) fn failed(arguments: &[&str], input: &[u8]) -> String {
    let ended = run_with(arguments, input);
    assert_eq!(
        (ended.status, ended.output.as_str()),
        (2, ""),
        "{arguments:?}"
    );
    ended.errors
}
