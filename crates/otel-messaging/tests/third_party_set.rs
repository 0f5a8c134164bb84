//! Libraries that handle messages in an application that says whom to believe. One test, because the setting belongs
//! to the whole process.

#[expect(dead_code, reason = "another test needs the rest")]
#[path = "core/message.rs"]
mod message;

use message::{TRACEPARENT, message, spans};
use otel_messaging::Instrumentation;
use otel_messaging::trust::{IncomingPolicy, Messages};

#[test]
fn a_library_gets_what_the_application_has_set() {
    let spans = spans();
    let builder = spans.instrumentation.to_builder();
    let policy = IncomingPolicy::RestartWithLink;
    let own = builder.with_incoming(Messages::all(), policy).build();
    own.set_global().expect("once");
    drop(Instrumentation::third_party().process(&message()));
    let trace_id = spans.only().span_context.trace_id().to_string();
    assert!(!TRACEPARENT.contains(&trace_id));
}
