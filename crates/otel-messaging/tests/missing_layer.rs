//! Subscribers under which a span of `tracing` is none of OpenTelemetry. One test, because each reason
//! is said once in a process.
#![cfg(feature = "internal-logs")]

#[expect(dead_code, reason = "another test needs the rest")]
#[path = "core/message.rs"]
mod message;

use crate::message::{Spans, TRACEPARENT, message, spans};
use opentelemetry::trace::{TraceContextExt, TracerProvider};
use otel_messaging::{current_context, process};
use std::fmt;
use std::sync::{Arc, Mutex};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::reload;

/// Keeps the messages of this crate's events.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}

impl<S: Subscriber> Layer<S> for Log {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "otel_messaging" {
            let mut message = Message(String::new());
            event.record(&mut message);
            self.0.lock().unwrap().push(message.0);
        }
    }
}

impl Log {
    fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

/// Handles two messages: each has its sender's context all the same.
fn handle_two() {
    for _ in 0..2 {
        let message = message();
        let _entered = process(&message).enter();
        let context = current_context();
        let trace_id = context.span().span_context().trace_id();
        assert_eq!(format!("{trace_id:032x}"), &TRACEPARENT[3..35]);
    }
}

fn layer<S>(spans: &Spans) -> impl Layer<S> + use<S>
where
    S: Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
{
    tracing_opentelemetry::layer().with_tracer(spans.provider.tracer("application"))
}

#[test]
fn what_is_missing_is_said_once_with_its_remedy() {
    let (spans, log) = (spans(), Log::default());

    // No subscriber at all: there is nobody to read it, and the next one still hears of it.
    handle_two();

    let without_layer = tracing_subscriber::registry().with(log.clone());
    tracing::subscriber::with_default(without_layer, handle_two);
    let lines = log.lines();
    assert_eq!(lines.len(), 1, "{lines:#?}");
    for remedy in [
        "tracing-opentelemetry 0.34",
        "cargo tree --duplicates",
        "reload",
    ] {
        assert!(lines[0].contains(remedy), "{lines:#?}");
    }

    // Known already.
    let (reloaded, _handle) = reload::Layer::new(layer(&spans));
    let in_reload = tracing_subscriber::registry()
        .with(reloaded)
        .with(log.clone());
    tracing::subscriber::with_default(in_reload, handle_two);
    assert_eq!(log.lines().len(), 1);

    // The layer has a filter of its own, which lets only the application's spans pass.
    let is_own = filter_fn(|metadata| metadata.target().starts_with("shop"));
    let filtered = tracing_subscriber::registry()
        .with(layer(&spans).with_filter(is_own))
        .with(log.clone());
    tracing::subscriber::with_default(filtered, handle_two);
    let lines = log.lines();
    assert_eq!(lines.len(), 2, "{lines:#?}");
    assert!(lines[1].contains("INFO of the target `otel_messaging`"));

    // A filter of the whole subscriber: known already.
    let of_all = tracing_subscriber::registry()
        .with(layer(&spans))
        .with(log.clone())
        .with(LevelFilter::WARN);
    tracing::subscriber::with_default(of_all, handle_two);
    assert_eq!(log.lines().len(), 2);

    // By the layer in the reload::Layer, which was there, before it was known not to be found.
    assert_eq!(spans.ended().len(), 1);
}
