//! Processes of a Python script with OpenTelemetry's own carrier for the environment, as child and
//! as parent.

use crate::job::{TRACED_JOB, VARIABLES, command, jobs, only};
use crate::parent;
use integration_tests::python;
use integration_tests::spans::Spans;
use otel_messaging::inject;

const SCRIPT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/child_process/traced_job.py"
);

fn interpreter() -> String {
    let path = python::interpreter().into_os_string();
    path.into_string().expect("a path in UTF-8")
}

#[tokio::test]
#[cfg_attr(
    not(feature = "brokers"),
    ignore = "needs Python with OpenTelemetry: integration-tests/run"
)]
async fn a_python_script_joins_the_current_span() {
    let context = parent::context(&Spans::new());
    let mut command = command(&interpreter(), &[SCRIPT]);
    inject(&context, &mut command);
    only(jobs(command).await).assert_joined(&context);
}

#[tokio::test]
#[cfg_attr(
    not(feature = "brokers"),
    ignore = "needs Python with OpenTelemetry: integration-tests/run"
)]
async fn without_variables_a_python_script_is_a_root() {
    let mut command = command(&interpreter(), &[SCRIPT]);
    command.envs(VARIABLES.map(|variable| (variable, "old=1")));
    inject(&opentelemetry::Context::new(), &mut command);
    only(jobs(command).await).assert_root();
}

#[tokio::test]
#[cfg_attr(
    not(feature = "brokers"),
    ignore = "needs Python with OpenTelemetry: integration-tests/run"
)]
async fn a_program_joins_the_python_script_that_starts_it() {
    let python = interpreter();
    for way in [&[][..], &["async"]] {
        let context = parent::context(&Spans::new());
        let mut command = command(&python, &[SCRIPT, "inject", TRACED_JOB]);
        command.args(way);
        inject(&context, &mut command);
        let jobs = jobs(command).await;
        let [script, program] = &*jobs else {
            panic!("{jobs:?}");
        };
        script.assert_joined(&context);
        program.assert_started_by(script);
    }
}

#[tokio::test]
#[cfg_attr(
    not(feature = "brokers"),
    ignore = "needs Python with OpenTelemetry: integration-tests/run"
)]
async fn a_trace_goes_through_both_and_back() {
    let python = interpreter();
    let context = parent::context(&Spans::new());
    let mut command = command(&python, &[SCRIPT, "inject", TRACED_JOB, "inject"]);
    command.args([&python, SCRIPT, "inject", TRACED_JOB]);
    inject(&context, &mut command);
    let jobs = jobs(command).await;
    assert_eq!(jobs.len(), 4, "{jobs:?}");
    jobs[0].assert_joined(&context);
    for pair in jobs.windows(2) {
        pair[1].assert_started_by(&pair[0]);
    }
}
