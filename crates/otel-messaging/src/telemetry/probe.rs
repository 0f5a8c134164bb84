//! A span that is tried, to find out whether a provider makes any.

use opentelemetry::Context;
use opentelemetry::global::BoxedTracer;
use opentelemetry::trace::{
    Span, SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState, Tracer,
};
use std::sync::LazyLock;

/// The name of the span that is tried.
pub(crate) const PROBE: &str = "otel-messaging probe";

const PROBED: SpanId = SpanId::from_bytes([7; 8]);

/// A parent whose spans OpenTelemetry's SDK makes without ids. A tracer without effect hands out the ids
/// of the parent.
pub(crate) static SUPPRESSED: LazyLock<Context> = LazyLock::new(|| {
    let parent = SpanContext::new(
        TraceId::from_bytes([7; 16]),
        PROBED,
        TraceFlags::NOT_SAMPLED,
        true,
        TraceState::NONE,
    );
    let context = Context::new().with_remote_span_context(parent);
    context.with_telemetry_suppressed()
});

/// Tries a span that an SDK neither samples nor exports. `false` if the provider is the one without effect, which is
/// OpenTelemetry's default, and cannot be asked otherwise.
pub(crate) fn makes_spans(tracer: &BoxedTracer) -> bool {
    let span = tracer.start_with_context(PROBE, &SUPPRESSED);
    let makes_spans = !is_of_no_tracer(span.span_context());
    if span.is_recording() {
        // By a tracer that knows nothing of suppression: dropped, it would be exported.
        std::mem::forget(span);
    }
    makes_spans
}

/// Whether a span that was started in [`SUPPRESSED`] comes from a tracer without effect.
pub(crate) fn is_of_no_tracer(span: &SpanContext) -> bool {
    span.span_id() == PROBED
}

#[cfg(test)]
mod tests {
    use super::*;
    use opentelemetry::trace::TracerProvider;
    use opentelemetry::trace::noop::NoopTracerProvider;
    use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};

    /// What a tracer does under a suppressed parent is not specified: opentelemetry 0.33's one without effect hands out
    /// the parent's ids, and its SDK gives none.
    #[test]
    fn the_tracer_without_effect_is_told_from_the_sdks() {
        let boxed = |tracer| BoxedTracer::new(Box::new(tracer));
        let without_effect = NoopTracerProvider::new().tracer("test");
        assert!(!makes_spans(&BoxedTracer::new(Box::new(without_effect))));
        for sampler in [Sampler::AlwaysOn, Sampler::AlwaysOff] {
            let provider = SdkTracerProvider::builder().with_sampler(sampler).build();
            assert!(makes_spans(&boxed(provider.tracer("test"))));
            provider.shutdown().expect("nothing is left to export");
            assert!(makes_spans(&boxed(provider.tracer("test"))));
        }
    }
}
