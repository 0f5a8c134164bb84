//! What is shown: steps and spans, a line each, with their ids.

use opentelemetry::trace::{SpanId, TraceContextExt};
use opentelemetry::{Context, global};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider, SpanData, SpanExporter};
use otel_messaging_rdkafka::propagation;
use std::io::{Write, stdout};

/// Sets the global tracer provider and propagator. Yours would export over OTLP; nothing else here would
/// change.
pub(crate) fn start() {
    let provider = SdkTracerProvider::builder()
        // Whatever the environment says: it is for the spans that one runs this.
        .with_sampler(Sampler::AlwaysOn)
        .with_simple_exporter(Lines)
        .build();
    global::set_tracer_provider(provider);
    // For HTTP clients too; messages carry W3C's fields anyway.
    global::set_text_map_propagator(propagation::w3c());
}

/// Prints a step, with the trace and the span in which it happens.
pub(crate) fn tell(who: &str, what: &str) {
    let context = Context::current();
    let span = context.span();
    let ids = span.span_context();
    let (trace, span) = (ids.trace_id(), ids.span_id());
    // A closed pipe, as of `| head`, is no reason to fail.
    let _ = writeln!(stdout(), "{who:<8} {what:<34} trace {trace} span {span}");
}

/// Prints each span when it has ended.
#[derive(Debug)]
struct Lines;

impl SpanExporter for Lines {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        for span in batch {
            let ids = &span.span_context;
            let mut line = format!(
                "{:<8} {:<34} trace {} span {}",
                "span",
                span.name,
                ids.trace_id(),
                ids.span_id()
            );
            if span.parent_span_id != SpanId::INVALID {
                line.push_str(&format!(" parent {}", span.parent_span_id));
            }
            for link in &span.links.links {
                line.push_str(&format!(" link {}", link.span_context.span_id()));
            }
            let _ = writeln!(stdout(), "{line}");
        }
        Ok(())
    }
}
