//! What is said of panics and of forgotten guards. One test, because lines are said once a minute in a
//! process.
#![cfg(feature = "internal-logs")]

#[expect(dead_code, reason = "another test needs the rest")]
#[path = "core/message.rs"]
mod message;

use message::message;
use opentelemetry::Context;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracerProvider, Span, SpanData, SpanProcessor};
use otel_messaging::Instrumentation;
use otel_messaging::loss::caught_panics;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tracing::subscriber::with_default;
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::layer::{Context as Within, Layer, SubscriberExt};
use tracing_subscriber::registry;

#[derive(Debug)]
struct Panics;

impl SpanProcessor for Panics {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, _: SpanData) {
        panic!("a span ends");
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

/// Keeps the names of this crate's lines.
#[derive(Clone, Default)]
struct Names(Arc<Mutex<Vec<&'static str>>>);

impl<S: Subscriber> Layer<S> for Names {
    fn enabled(&self, metadata: &Metadata<'_>, _: Within<'_, S>) -> bool {
        metadata.target() == "otel_messaging" && metadata.is_event()
    }

    fn on_event(&self, event: &Event<'_>, _: Within<'_, S>) {
        self.0.lock().unwrap().push(event.metadata().name());
    }
}

#[test]
fn panics_and_forgotten_guards_are_said() {
    let names = Names::default();
    let provider = SdkTracerProvider::builder()
        .with_span_processor(Panics)
        .build();
    let by = Instrumentation::builder()
        .with_tracer_provider(&provider)
        .build();
    with_default(registry().with(names.clone()), || {
        for _ in 0..20 {
            drop(by.process(&message()));
        }
        for _ in 0..8200 {
            std::mem::forget(by.process(&message()).enter());
        }
    });
    assert_eq!(caught_panics(), 16);
    let names = names.0.lock().unwrap();
    let expected = ["TelemetryPanicked", "TelemetryOff", "GuardsForgotten"];
    assert_eq!(*names, expected.map(|name| format!("OtelMessaging.{name}")));
}
