//! Telemetry that publishes while the layer starts a span of the application's, and guards that are
//! forgotten.

use crate::message::{NOWHERE, message, spans};
use crate::subscribe;
use opentelemetry::Context;
use opentelemetry::trace::{TraceContextExt, TracerProvider};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracerProvider, Span, SpanData, SpanProcessor};
use otel_messaging::{Instrumentation, process};
use std::sync::mpsc;
use std::time::Duration;
use tracing::info_span;
use tracing_subscriber::layer::SubscriberExt;

/// Publishes for each span of the application's that starts.
#[derive(Debug)]
struct Publishes;

impl SpanProcessor for Publishes {
    fn on_start(&self, _: &mut Span, _: &Context) {
        drop(Instrumentation::global().outgoing("audit", &NOWHERE));
    }

    fn on_end(&self, _: SpanData) {}

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

/// The layer holds the lock of the span that it starts, so who asks for that span waits for ever.
#[test]
fn a_processor_that_publishes_in_a_handler_waits_for_nobody() {
    let (done, waiting) = mpsc::channel();
    std::thread::spawn(move || {
        let provider = SdkTracerProvider::builder()
            .with_span_processor(Publishes)
            .build();
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("application"));
        let _default = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));
        let message = message();
        let _entered = process(&message).enter();
        info_span!("work").in_scope(|| ());
        done.send(()).unwrap();
    });
    waiting
        .recv_timeout(Duration::from_secs(30))
        .expect("it does not wait for itself");
}

/// Each takes two of the 65,535 places that a thread has: the layer's and ours.
#[test]
fn forgotten_guards_do_not_stop_the_next_message() {
    let spans = spans();
    let forgetting = std::thread::spawn(move || {
        let _default = subscribe(&spans, true);
        for _ in 0..33_000 {
            std::mem::forget(process(&message()).enter());
        }
        let entered = process(&message()).enter();
        let is_current = Context::map_current(|current| {
            current.span().span_context() == entered.context().span().span_context()
        });
        assert!(is_current);
    });
    forgetting.join().unwrap();
}
