//! The application's global settings. One test, because they belong to the whole process.

#[expect(dead_code, reason = "another test needs the rest")]
#[path = "core/message.rs"]
mod message;

use message::{TestClient, message, spans};
use opentelemetry::trace::TraceContextExt;
use opentelemetry::{Context, global};
use opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};
use otel_messaging::Instrumentation;
use otel_messaging::adapter::Client;
use std::collections::BTreeMap;

#[test]
fn global_settings_are_looked_up_at_every_message() {
    // Made before anything is set.
    let early = Instrumentation::default();
    let message = message();
    let sender = early.extract(&message.headers);
    assert!(sender.span().span_context().is_valid(), "the W3C pair");
    drop(early.process(&message));

    let from_global = spans();
    global::set_tracer_provider(from_global.provider.clone());
    drop(early.process(&message));
    let span = from_global.only();
    assert_eq!(span.name, "process orders");
    assert_eq!(span.instrumentation_scope.name(), TestClient::NAME);
    let version = span.instrumentation_scope.version();
    assert_eq!(version, Some(TestClient::VERSION));

    // The global propagator counts once it is set: this one knows no trace context.
    global::set_text_map_propagator(BaggagePropagator::new());
    assert!(
        !early
            .extract(&message.headers)
            .span()
            .span_context()
            .is_valid()
    );
    let mut headers = BTreeMap::new();
    early.inject(&sender, &mut headers);
    assert!(headers.is_empty());

    // A given one counts more, and so does a given provider.
    let given = spans();
    let set = given.instrumentation.to_builder();
    set.with_propagator(TraceContextPropagator::new())
        .build()
        .set_global()
        .expect("once");
    otel_messaging::inject(&sender, &mut headers);
    // The SDK's propagator writes an empty tracestate; it is left out.
    assert_eq!(headers, message.headers);
    drop(otel_messaging::process(&message));
    assert_eq!(given.ended().len(), 1);
    assert_eq!(from_global.ended().len(), 1);

    // It is set once, and the first one stays.
    let again = Instrumentation::disabled().set_global();
    let error = again.expect_err("it was set before").to_string();
    assert!(error.contains("is already set"), "{error}");
    drop(otel_messaging::process(&message));
    assert_eq!(given.ended().len(), 2);
    assert_eq!(from_global.ended().len(), 1);

    // A propagator that does nothing hands out no ambient span either.
    let ambient = Context::new().with_remote_span_context(sender.span().span_context().clone());
    let _attached = ambient.attach();
    let none = Instrumentation::builder()
        .with_propagator(opentelemetry::trace::noop::NoopTextMapPropagator::new())
        .build();
    assert!(
        !none
            .extract(&message.headers)
            .span()
            .span_context()
            .is_valid()
    );
}
