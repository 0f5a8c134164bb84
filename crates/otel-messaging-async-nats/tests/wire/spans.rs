//! The spans that a test makes.

use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use otel_messaging_async_nats::Instrumentation;

pub(crate) struct Spans {
    exporter: InMemorySpanExporter,
    pub(crate) instrumentation: Instrumentation,
}

impl Spans {
    pub(crate) fn new() -> Self {
        let exporter = InMemorySpanExporter::default();
        let provider = SdkTracerProvider::builder()
            .with_simple_exporter(exporter.clone())
            .build();
        let builder = Instrumentation::builder().with_tracer_provider(&provider);
        Self {
            exporter,
            instrumentation: builder.build(),
        }
    }

    /// The one span that has ended.
    pub(crate) fn one(&self) -> SpanData {
        let spans = self.exporter.get_finished_spans().expect("the spans");
        let [span] = <[SpanData; 1]>::try_from(spans).expect("one span");
        span
    }
}
