//! OpenTelemetry as the program has it already: spans go to standard output.

use opentelemetry::global;
use opentelemetry::trace::{TraceContextExt, Tracer};
use opentelemetry_sdk::trace::SdkTracerProvider;

pub fn start() -> SdkTracerProvider {
    let provider = SdkTracerProvider::builder()
        .with_simple_exporter(opentelemetry_stdout::SpanExporter::default())
        .build();
    global::set_tracer_provider(provider.clone());
    provider
}

/// A context with a new span in it, for what the program does for its own customer.
pub fn span(name: &'static str) -> opentelemetry::Context {
    let span = global::tracer("shop").start(name);
    opentelemetry::Context::current_with_span(span)
}
