//! Libraries that handle messages in an application. One test, because its global settings belong to the whole
//! process.
#![cfg(feature = "internal-logs")]

#[expect(dead_code, reason = "another test needs the rest")]
#[path = "core/message.rs"]
mod message;

use message::{message, spans};
use otel_messaging::Instrumentation;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tracing::span;

/// Counts the warnings.
#[derive(Clone, Default)]
struct Warnings(Arc<AtomicUsize>);

impl tracing::Subscriber for Warnings {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.is_event() && metadata.name() == "OtelMessaging.TraceContinued"
    }

    fn event(&self, _: &tracing::Event<'_>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

#[test]
fn a_library_gets_the_applications_setting_or_warns() {
    let warnings = Warnings::default();
    let _subscribed = tracing::subscriber::set_default(warnings.clone());
    let handle = || drop(Instrumentation::third_party().process(&message()));
    let said = || warnings.0.load(Ordering::SeqCst);

    drop(Instrumentation::global().process(&message()));
    assert_eq!(said(), 0, "the application's own messages");
    handle();
    assert_eq!(said(), 1);
    handle();
    assert_eq!(said(), 1, "once for each destination");

    // The application says by whom spans are made, and not whom to believe.
    let spans = spans();
    spans.instrumentation.clone().set_global().expect("once");
    handle();
    assert_eq!(spans.ended().len(), 1, "its spans are the application's");
    let first = std::ptr::from_ref(Instrumentation::third_party());
    assert_eq!(first, std::ptr::from_ref(Instrumentation::third_party()));
    assert_ne!(first, std::ptr::from_ref(Instrumentation::global()));
}
