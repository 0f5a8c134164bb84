//! Policies where spans of messages are spans of `tracing`.
#![cfg(feature = "sdk")]

use crate::message::{TRACEPARENT, message};
use opentelemetry::trace::{TraceContextExt, TracerProvider};
use opentelemetry_sdk::trace::{InMemorySpanExporter, Sampler, SdkTracerProvider, ShouldSample};
use otel_messaging::Instrumentation;
use otel_messaging::trust::{IncomingPolicy, Messages};
use tracing_subscriber::layer::SubscriberExt;

/// Handles a message whose flag is set, and returns whether its trace goes on, and what is exported.
fn handled(policy: IncomingPolicy, sampler: impl ShouldSample + 'static) -> (bool, usize) {
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder()
        .with_simple_exporter(exporter.clone())
        .with_sampler(sampler)
        .build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("application"));
    let subscriber = tracing_subscriber::registry().with(layer);
    let by = Instrumentation::builder()
        .with_incoming(Messages::all(), policy)
        .build();
    let continues = tracing::subscriber::with_default(subscriber, || {
        let span = by.process(&message());
        let trace_id = span.context().span().span_context().trace_id();
        TRACEPARENT.contains(&trace_id.to_string())
    });
    (
        continues,
        exporter.get_finished_spans().expect("in memory").len(),
    )
}

#[test]
fn each_policy_is_asked_before_the_sampler() {
    use otel_messaging::sdk::Resampler;
    let on = || Sampler::ParentBased(Box::new(Sampler::AlwaysOn));
    let off = || Sampler::ParentBased(Box::new(Sampler::AlwaysOff));
    assert_eq!(handled(IncomingPolicy::Continue, off()), (true, 1));
    assert_eq!(handled(IncomingPolicy::RestartWithLink, off()), (false, 0));
    assert_eq!(handled(IncomingPolicy::RestartWithLink, on()), (false, 1));
    let off = Resampler::new(off());
    assert_eq!(handled(IncomingPolicy::Resample, off), (true, 0));
    let on = Resampler::new(on());
    assert_eq!(handled(IncomingPolicy::Resample, on), (true, 1));
}
