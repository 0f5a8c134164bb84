//! Contexts that a program has stored are no messages; envelopes are.

use crate::program::{Program, full, sender};
use opentelemetry::trace::TraceContextExt;
use otel_messaging::trust::IncomingPolicy::{Continue, RestartWithoutLink};
use otel_messaging::trust::Messages;
use otel_messaging::{ContextCarrier, Envelope};

#[test]
fn rules_are_about_messages_alone() {
    let program = Program::new();
    let by = program
        .builder()
        .with_incoming(Messages::to("jobs").of_system("redis"), Continue)
        .with_incoming(Messages::all(), RestartWithoutLink)
        .build();
    let carrier = || ContextCarrier::from(full().headers);
    let extracted = by.extract(&carrier());
    assert_eq!(
        extracted.span().span_context().trace_id(),
        sender().trace_id()
    );

    let bare = Envelope::with_context(7, carrier());
    let from = |system| Envelope::with_context(7, carrier()).received_from(system, "jobs");
    for (envelope, expected) in [
        (bare, false),
        (from("redis"), true),
        (from("postgresql"), false),
    ] {
        let span = by.process(&envelope);
        let trace_id = span.context().span().span_context().trace_id();
        assert_eq!(trace_id == sender().trace_id(), expected, "{envelope:?}");
    }
}
