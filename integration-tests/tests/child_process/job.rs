//! What the processes report.

use integration_tests::client::in_time;
use opentelemetry::Context;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt};
use serde_json::Value;
use std::collections::BTreeMap;
use std::process::{Command, Output};

/// The program of this package that joins the trace of its environment.
pub(crate) const TRACED_JOB: &str = env!("CARGO_BIN_EXE_traced-job");

/// The variables of W3C's propagators.
pub(crate) const VARIABLES: [&str; 3] = ["TRACEPARENT", "TRACESTATE", "BAGGAGE"];

/// The span of a process, as its own exporter had it.
#[derive(Debug, PartialEq)]
pub(crate) struct Job {
    pub(crate) trace_id: String,
    pub(crate) span_id: String,
    pub(crate) parent_span_id: String,
    pub(crate) tracestate: String,
    pub(crate) baggage: BTreeMap<String, String>,
}

/// A command that starts the program with these arguments.
pub(crate) fn command(program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments);
    command
}

/// The jobs of the process that `command` starts and of those that it starts in turn, in this order.
pub(crate) async fn jobs(command: Command) -> Vec<Job> {
    let mut command = tokio::process::Command::from(command);
    command.kill_on_drop(true);
    let output = in_time("the process", command.output()).await;
    reported(output.expect("a process"))
}

/// The jobs in what a process printed.
pub(crate) fn reported(output: Output) -> Vec<Job> {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {said}", output.status);
    let lines = String::from_utf8(output.stdout).expect("text");
    lines.lines().map(Job::read).collect()
}

/// The one job.
pub(crate) fn only(mut jobs: Vec<Job>) -> Job {
    assert_eq!(jobs.len(), 1, "{jobs:?}");
    jobs.remove(0)
}

impl Job {
    fn read(line: &str) -> Self {
        let line: Value = serde_json::from_str(line).expect("a line of JSON");
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        let baggage = line["baggage"].as_object().expect("a map").iter();
        Self {
            trace_id: text(&line["trace_id"]),
            span_id: text(&line["span_id"]),
            parent_span_id: text(&line["parent_span_id"]),
            tracestate: text(&line["tracestate"]),
            baggage: baggage
                .map(|(key, value)| (key.clone(), text(value)))
                .collect(),
        }
    }

    /// Asserts that the job joined `parent`'s trace as its child, and has all that came with it.
    pub(crate) fn assert_joined(&self, parent: &Context) {
        let span = parent.span();
        self.assert_child(span.span_context());
        assert_eq!(self.tracestate, span.span_context().trace_state().header());
        let baggage = parent.baggage().iter();
        let baggage = baggage.map(|(key, (value, _))| (key.to_string(), value.to_string()));
        assert_eq!(self.baggage, baggage.collect());
    }

    /// Asserts that the job joined the trace of the job that started it, and has what that had.
    pub(crate) fn assert_started_by(&self, parent: &Job) {
        assert_eq!(self.trace_id, parent.trace_id);
        assert_eq!(self.parent_span_id, parent.span_id);
        assert_ne!(self.span_id, parent.span_id);
        assert_eq!(self.tracestate, parent.tracestate);
        assert_eq!(self.baggage, parent.baggage);
    }

    /// Asserts that the job has a trace of its own, and nothing else.
    pub(crate) fn assert_root(&self) {
        assert_eq!(self.parent_span_id, SpanId::INVALID.to_string());
        assert_eq!(self.tracestate, "");
        assert_eq!(self.baggage, BTreeMap::new());
    }

    fn assert_child(&self, parent: &SpanContext) {
        assert_eq!(self.trace_id, parent.trace_id().to_string());
        assert_eq!(self.parent_span_id, parent.span_id().to_string());
        assert_ne!(self.span_id, self.parent_span_id);
    }
}
