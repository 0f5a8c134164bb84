//! Programs that say by the environment whom they believe. One test, which starts itself with the variable set: a
//! process reads it once.

#[expect(dead_code, reason = "another test needs the rest")]
#[path = "core/message.rs"]
mod message;
#[cfg(feature = "internal-logs")]
#[path = "core/named_lines.rs"]
mod named_lines;

use message::{TRACEPARENT, message, spans};
use opentelemetry::trace::TraceContextExt;
use otel_messaging::Instrumentation;
use otel_messaging::instrumentation::Finding;
use otel_messaging::trust::{IncomingPolicy, Messages};
use std::env;
use std::process::Command;
#[cfg(feature = "internal-logs")]
use tracing_subscriber::{layer::SubscriberExt, registry};

const VARIABLE: &str = "OTEL_MESSAGING_INCOMING";
/// Says what the process that was started has to find.
const EXPECTED: &str = "OTEL_MESSAGING_TEST_EXPECTED";

/// Values, and what becomes of a message: whether its trace goes on, and its links.
const VALUES: [(Option<&str>, &str); 9] = [
    (None, "continues 1"),
    (Some(""), "continues 1"),
    (Some("continue"), "continues 1"),
    (Some("Warn"), "continues 1"),
    // No sampler knows it here.
    (Some("resample"), "restarts 1"),
    (Some("restart"), "restarts 1"),
    (Some("IGNORE"), "restarts 0"),
    (Some("open"), "restarts 1 error"),
    (Some("drop"), "restarts 1 error"),
];

#[test]
fn the_environment_decides_where_no_rule_does() {
    if let Ok(expected) = env::var(EXPECTED) {
        return work(&expected);
    }
    for (value, expected) in VALUES {
        let mut command = Command::new(env::current_exe().expect("this program"));
        command.env(EXPECTED, expected).env_remove(VARIABLE);
        if let Some(value) = value {
            command.env(VARIABLE, value);
        }
        let output = command.output().expect("started");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && said.contains("1 passed"),
            "{value:?}: {said}"
        );
    }
}

fn work(expected: &str) {
    #[cfg(feature = "internal-logs")]
    let lines = named_lines::NamedLines::new("OtelMessaging.UnknownPolicy");
    #[cfg(feature = "internal-logs")]
    let _subscribed = tracing::subscriber::set_default(registry().with(lines.clone()));
    let spans = spans();
    let handle = |by: &Instrumentation| {
        drop(by.process(&message()));
        let ended = spans.ended();
        let span = ended.last().expect("a span");
        let trace_id = span.span_context.trace_id().to_string();
        let goes = if TRACEPARENT.contains(&trace_id) {
            "continues"
        } else {
            "restarts"
        };
        format!("{goes} {}", span.links.len())
    };
    let is_error = expected.ends_with(" error");
    let expected = expected.trim_end_matches(" error");
    let by = &spans.instrumentation;
    assert_eq!(handle(by), expected);
    assert_eq!(IncomingPolicy::from_env().is_err(), is_error);
    let findings = by.self_check();
    let finding = findings
        .iter()
        .find(|it| matches!(it, Finding::UnknownPolicy { .. }));
    let said = finding.map(ToString::to_string);
    assert_eq!(
        said.is_some_and(|said| said.contains("restart or ignore")),
        is_error
    );

    // Code overrides it, where code decides.
    let own = |messages, policy| by.to_builder().with_incoming(messages, policy).build();
    let all = own(Messages::all(), IncomingPolicy::RestartWithoutLink);
    assert_eq!(handle(&all), "restarts 0");
    let all = own(Messages::all(), IncomingPolicy::Continue);
    assert_eq!(handle(&all), "continues 1");
    let other = own(Messages::to("other"), IncomingPolicy::Continue);
    assert_eq!(handle(&other), expected);

    // It is about messages, and not about what is stored or extracted by hand.
    let extracted = by.extract(&message().headers);
    assert!(extracted.span().span_context().is_valid());
    // A library gets it too.
    drop(Instrumentation::third_party().process(&message()));
    #[cfg(feature = "internal-logs")]
    assert_eq!(lines.count(), usize::from(is_error), "said once");
}
