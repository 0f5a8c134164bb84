//! A test that runs itself again in a process of its own, because that process may die.

use std::env;
use std::process::{Command, Output};

/// What the child is to do, in the environment of a child alone.
const TASK: &str = "OTEL_MESSAGING_HOSTILE_TASK";

/// What this process is to do, if it is a child.
pub(crate) fn task() -> Option<String> {
    env::var(TASK).ok()
}

/// Runs the one test `test` again with this task, in threads with stacks of so many bytes, where
/// that is not left to Rust.
pub(crate) fn run(test: &str, task: &str, stack: Option<usize>) -> Output {
    let mut child = Command::new(env::current_exe().expect("this program"));
    child.args(["--exact", test, "--nocapture"]);
    child.env(TASK, task).env_remove("RUST_MIN_STACK");
    if let Some(stack) = stack {
        child.env("RUST_MIN_STACK", stack.to_string());
    }
    child.output().expect("a child")
}
