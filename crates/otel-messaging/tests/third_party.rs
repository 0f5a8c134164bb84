//! Libraries that handle messages in an application. One test, because its global settings belong to the whole
//! process.
#![cfg(feature = "internal-logs")]

#[expect(dead_code, reason = "another test needs the rest")]
#[path = "core/message.rs"]
mod message;

#[path = "core/named_lines.rs"]
mod named_lines;

use message::{message, spans};
use named_lines::NamedLines;
use otel_messaging::Instrumentation;
use otel_messaging::trust::{Messages, OutgoingPolicy};
use tracing::subscriber::set_default;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry;

#[test]
fn a_library_gets_the_applications_setting_or_warns() {
    let warnings = NamedLines::new("OtelMessaging.TraceContinued");
    let _subscribed = set_default(registry().with(warnings.clone()));
    let handle = || drop(Instrumentation::third_party().process(&message()));
    let said = || warnings.count();

    drop(Instrumentation::global().process(&message()));
    assert_eq!(said(), 0, "the application's own messages");
    handle();
    assert_eq!(said(), 1);
    handle();
    assert_eq!(said(), 1, "once for each destination");

    // The application says by whom spans are made, and what to tell, and not whom to believe.
    let spans = spans();
    let builder = spans.instrumentation.to_builder();
    let telling = builder.with_outgoing(Messages::all(), OutgoingPolicy::Suppress);
    telling.build().set_global().expect("once");
    handle();
    assert_eq!(spans.ended().len(), 1, "its spans are the application's");
    let first = std::ptr::from_ref(Instrumentation::third_party());
    assert_eq!(first, std::ptr::from_ref(Instrumentation::third_party()));
    assert_ne!(first, std::ptr::from_ref(Instrumentation::global()));
}
