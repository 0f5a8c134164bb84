//! Processes of a program of ours.

use crate::job::{TRACED_JOB, VARIABLES, command, jobs, only, reported};
use crate::parent;
use integration_tests::client::in_time;
use integration_tests::spans::Spans;
use opentelemetry::Context;
use opentelemetry::trace::FutureExt;
use otel_messaging::{current_context, inject};

/// A context that some other process left in the environment.
const INHERITED: [(&str, &str); 3] = [
    (
        "TRACEPARENT",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    ),
    ("TRACESTATE", "old=1"),
    ("BAGGAGE", "old=1"),
];

#[test]
fn a_process_joins_the_current_span() {
    let context = parent::context(&Spans::new());
    let _attached = context.clone().attach();
    let mut command = std::process::Command::new(TRACED_JOB);
    inject(&current_context(), &mut command);
    let job = only(reported(command.output().expect("a process")));
    job.assert_joined(&context);
}

#[tokio::test]
async fn a_process_of_tokio_joins_the_current_span() {
    let context = parent::context(&Spans::new());
    let started = async {
        let mut command = tokio::process::Command::new(TRACED_JOB);
        command.arg("async").kill_on_drop(true);
        tokio::task::yield_now().await;
        inject(&current_context(), command.as_std_mut());
        command.output().await
    };
    let output = in_time("the process", started.with_context(context.clone())).await;
    let job = only(reported(output.expect("a process")));
    job.assert_joined(&context);
}

#[tokio::test]
async fn a_grandchild_joins_the_child() {
    for way in [&["async", "inject"][..], &["inject"]] {
        let context = parent::context(&Spans::new());
        let mut command = command(TRACED_JOB, way);
        command.args([TRACED_JOB, "inject", TRACED_JOB, "async"]);
        inject(&context, &mut command);
        let jobs = jobs(command).await;
        let [child, grandchild, next] = &*jobs else {
            panic!("{jobs:?}");
        };
        child.assert_joined(&context);
        grandchild.assert_started_by(child);
        next.assert_started_by(grandchild);
    }
}

/// What [`otel_messaging::propagation::Environment`] says of processes that are started without inject.
#[tokio::test]
async fn what_is_not_injected_is_inherited_as_it_came() {
    let context = parent::context(&Spans::new());
    let mut command = command(TRACED_JOB, &["pass", TRACED_JOB]);
    inject(&context, &mut command);
    let jobs = jobs(command).await;
    let [child, grandchild] = &*jobs else {
        panic!("{jobs:?}");
    };
    child.assert_joined(&context);
    grandchild.assert_joined(&context);
    assert_ne!(grandchild.span_id, child.span_id);
}

#[tokio::test]
async fn without_variables_a_process_is_a_root() {
    for way in [&[][..], &["async"], &["alone"]] {
        let mut command = command(TRACED_JOB, way);
        for variable in VARIABLES {
            command.env_remove(variable);
        }
        only(jobs(command).await).assert_root();
    }
}

#[tokio::test]
async fn a_context_without_a_span_makes_a_root() {
    let mut command = command(TRACED_JOB, &["alone", "pass", TRACED_JOB]);
    command.envs(INHERITED);
    inject(&Context::new(), &mut command);
    let jobs = jobs(command).await;
    assert_eq!(jobs.len(), 2, "{jobs:?}");
    for job in jobs {
        job.assert_root();
    }
}

/// The first process does not look at the context that it was started with, and has one without
/// tracestate and baggage.
#[tokio::test]
async fn nothing_inherited_leaks_through_inject() {
    let mut command = command(TRACED_JOB, &["alone", "inject", TRACED_JOB]);
    command.args(["inject", TRACED_JOB]).envs(INHERITED);
    let jobs = jobs(command).await;
    let [child, grandchild, next] = &*jobs else {
        panic!("{jobs:?}");
    };
    child.assert_root();
    grandchild.assert_started_by(child);
    next.assert_started_by(grandchild);
}

#[cfg(unix)]
#[tokio::test]
async fn what_is_not_text_is_survived() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let broken = OsStr::from_bytes(b"00-\xff");
    let mut command = command(TRACED_JOB, &["inject", TRACED_JOB]);
    command.envs(VARIABLES.map(|variable| (variable, broken)));
    command.env(broken, "7");
    let jobs = jobs(command).await;
    jobs[0].assert_root();
    jobs[1].assert_started_by(&jobs[0]);
}

#[tokio::test]
async fn a_process_that_cannot_be_started_says_which() {
    let mut command = tokio::process::Command::new(TRACED_JOB);
    command
        .args(["inject", "/no/such/program"])
        .kill_on_drop(true);
    let output = in_time("the process", command.output()).await;
    let output = output.expect("a process");
    assert!(!output.status.success());
    let said = String::from_utf8(output.stderr).expect("text");
    assert!(said.contains("/no/such/program"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}
