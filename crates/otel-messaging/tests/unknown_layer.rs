//! A program whose `reload::Layer` hides OpenTelemetry's, and whose messages have spans of a tracer
//! provider of their own. One test, because what cannot be helped is said once in a process.
#![cfg(feature = "internal-logs")]

#[expect(dead_code, reason = "another test needs the rest")]
#[path = "core/message.rs"]
mod message;

use crate::message::{Spans, message, spans};
use opentelemetry::trace::{TraceContextExt, TracerProvider};
use otel_messaging::current_context;
use std::fmt;
use std::sync::{Arc, Mutex};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber, info, info_span};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::reload;

/// Target, message, and the names of the spans around.
type Line = (String, String, Vec<&'static str>);

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<Line>>>);

struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Log {
    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut message = Message(String::new());
        event.record(&mut message);
        let scope = context.event_scope(event).into_iter().flatten();
        let names = scope.map(|span| span.metadata().name()).collect();
        let target = event.metadata().target().to_owned();
        self.0.lock().unwrap().push((target, message.0, names));
    }
}

/// Handles a message with the given provider in a loop inside a span: whether the handler's span is in
/// the message's trace, and what the log said.
fn handle(of_layer: &Spans, activation: Option<bool>) -> (bool, Vec<String>) {
    let log = Log::default();
    let layer = activation.map(|activation| {
        tracing_opentelemetry::layer()
            .with_tracer(of_layer.provider.tracer("application"))
            .with_context_activation(activation)
    });
    let (reloaded, _handle) = reload::Layer::new(layer);
    let subscriber = tracing_subscriber::registry()
        .with(reloaded)
        .with(log.clone());
    let _subscribed = tracing::subscriber::set_default(subscriber);
    let messages = spans();
    info_span!("loop").in_scope(|| {
        for _ in 0..2 {
            let _entered = messages.instrumentation.process(&message()).enter();
            info_span!("order").in_scope(|| info!("handled"));
            assert!(current_context().has_active_span());
        }
    });
    let mut said = Vec::new();
    for (target, message, around) in log.0.lock().unwrap().drain(..) {
        if target == "otel_messaging" {
            said.push(message);
        } else {
            // Nothing is hidden where nothing would be gained.
            assert_eq!(around, ["order", "loop"]);
        }
    }
    let ended = of_layer.ended();
    let orders = ended.iter().filter(|span| span.name == "order");
    let processed = messages.ended();
    let is_one_trace = orders.zip(&processed).all(|(order, processed)| {
        order.span_context.trace_id() == processed.span_context.trace_id()
    });
    (is_one_trace, said)
}

#[test]
fn what_cannot_be_one_trace_is_said_at_once() {
    assert_eq!(handle(&spans(), Some(true)), (true, Vec::new()));

    // It cannot be told from no layer.
    let (is_one_trace, said) = handle(&spans(), Some(false));
    assert!(!is_one_trace);
    assert_eq!(said.len(), 1, "{said:?}");
    for expected in [
        "reload::Layer",
        "does not activate contexts",
        "trace of the span around its loop",
    ] {
        assert!(said[0].contains(expected), "{said:?}");
    }

    // Once in a process.
    let (_, said) = handle(&spans(), None);
    assert!(said.is_empty(), "{said:?}");
}
