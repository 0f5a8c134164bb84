//! What one test sent and handled.

use integration_tests::counts::SpanCounts;
use opentelemetry::Context;
use opentelemetry::trace::{
    SpanContext, SpanId, Status, TraceContextExt, TraceFlags, TraceId, TraceState,
};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use otel_messaging::Instrumentation;

/// Spans that are kept, and counted as they start and end.
pub(crate) struct Recorded {
    pub(crate) counts: SpanCounts,
    pub(crate) instrumentation: Instrumentation,
    exporter: InMemorySpanExporter,
}

impl Recorded {
    pub(crate) fn new() -> Self {
        let (counts, exporter) = (SpanCounts::default(), InMemorySpanExporter::default());
        let provider = SdkTracerProvider::builder()
            .with_span_processor(counts.clone())
            .with_simple_exporter(exporter.clone())
            .build();
        Self {
            counts,
            instrumentation: Instrumentation::default().with_tracer_provider(&provider),
            exporter,
        }
    }

    /// All spans whose name begins so, in the order of their ends.
    pub(crate) fn named(&self, prefix: &str) -> Vec<SpanData> {
        let mut all = self
            .exporter
            .get_finished_spans()
            .expect("the exporter is in memory");
        all.retain(|span| span.name.starts_with(prefix));
        all
    }

    /// How many of them have failed.
    pub(crate) fn failed(&self, prefix: &str) -> usize {
        let is_failed = |span: &&SpanData| matches!(span.status, Status::Error { .. });
        self.named(prefix).iter().filter(is_failed).count()
    }
}

/// The context of work number `n`, in a trace that is known by it.
pub(crate) fn work(n: usize) -> Context {
    let span = SpanContext::new(
        trace_id(n),
        SpanId::from(n as u64 + 1),
        TraceFlags::SAMPLED,
        true,
        TraceState::NONE,
    );
    Context::new().with_remote_span_context(span)
}

pub(crate) fn trace_id(n: usize) -> TraceId {
    TraceId::from(n as u128 + 1)
}
