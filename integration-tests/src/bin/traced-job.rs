//! A job in a process of its own, for the tests of child processes: it joins the trace that its
//! environment names, opens a span, has the next process started from inside it, and prints the
//! span that its own tracer provider exported, as a line of JSON before the lines of that process.
//!
//! ```text
//! traced-job [alone|async] [inject|pass PROGRAM [ARGUMENT]...]
//! ```
//!
//! `alone` does not look at the environment. `async` works in the future of tokio's `main`, and
//! starts the next process with tokio. `inject` starts it in the context of the span, `pass` as any
//! program would.

use integration_tests::spans::Spans;
use opentelemetry::Context;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::{FutureExt, TraceContextExt, Tracer};
use otel_messaging::propagation::Environment;
use otel_messaging::{current_context, extract, inject};
use serde_json::{Map, Value, json};
use std::process::{Command, ExitCode, Output};
use std::{env, io};
use tokio::runtime::Runtime;

fn main() -> ExitCode {
    let words: Vec<_> = env::args().skip(1).collect();
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    let (way, rest) = match &*words {
        [way @ ("alone" | "async"), rest @ ..] => (*way, rest),
        rest => ("", rest),
    };
    let next = match rest {
        [] => Next::default(),
        [how @ ("inject" | "pass"), words @ ..] if !words.is_empty() => Next {
            words: words.to_vec(),
            injects: *how == "inject",
        },
        _ => {
            eprintln!("usage: traced-job [alone|async] [inject|pass PROGRAM [ARGUMENT]...]");
            return ExitCode::from(2);
        }
    };
    let done = match way {
        "async" => Runtime::new().and_then(|runtime| {
            let context = extract(&Environment::of_process());
            runtime.block_on(work_async(&next).with_context(context))
        }),
        "alone" => work(&next),
        _ => {
            let _attached = extract(&Environment::of_process()).attach();
            work(&next)
        }
    };
    match done {
        Ok(lines) => {
            print!("{lines}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("traced-job: {:?}: {error}", next.words);
            ExitCode::FAILURE
        }
    }
}

/// The process to be started: its program and its arguments, or nothing.
#[derive(Default)]
struct Next<'a> {
    words: Vec<&'a str>,
    injects: bool,
}

fn work(next: &Next<'_>) -> io::Result<String> {
    let job = Job::begin();
    let Some((program, arguments)) = next.words.split_first() else {
        return job.end(None);
    };
    let _attached = job.context.clone().attach();
    let mut command = Command::new(program);
    command.args(arguments);
    if next.injects {
        inject(&current_context(), &mut command);
    }
    let output = command.output()?;
    job.end(Some(output))
}

async fn work_async(next: &Next<'_>) -> io::Result<String> {
    let job = Job::begin();
    let Some((program, arguments)) = next.words.split_first() else {
        return job.end(None);
    };
    let started = async {
        let mut command = tokio::process::Command::new(program);
        command.args(arguments);
        if next.injects {
            inject(&current_context(), command.as_std_mut());
        }
        command.output().await
    };
    let output = started.with_context(job.context.clone()).await?;
    job.end(Some(output))
}

struct Job {
    spans: Spans,
    context: Context,
}

impl Job {
    fn begin() -> Self {
        let spans = Spans::new();
        let span = spans.tracer.start("job");
        let context = Context::current_with_span(span);
        Self { spans, context }
    }

    /// The lines of this process and of the next.
    fn end(self, next: Option<Output>) -> io::Result<String> {
        self.context.span().end();
        let span = self.spans.named("job");
        let baggage = self.context.baggage().iter();
        let baggage: Map<String, Value> = baggage
            .map(|(key, (value, _))| (key.to_string(), value.as_str().into()))
            .collect();
        let line = json!({
            "trace_id": span.span_context.trace_id().to_string(),
            "span_id": span.span_context.span_id().to_string(),
            "parent_span_id": span.parent_span_id.to_string(),
            "tracestate": span.span_context.trace_state().header(),
            "baggage": baggage,
        });
        let Some(next) = next else {
            return Ok(format!("{line}\n"));
        };
        let said = String::from_utf8_lossy(&next.stderr);
        if !next.status.success() {
            return Err(io::Error::other(format!("{}: {said}", next.status)));
        }
        let lines = String::from_utf8_lossy(&next.stdout);
        Ok(format!("{line}\n{lines}"))
    }
}
