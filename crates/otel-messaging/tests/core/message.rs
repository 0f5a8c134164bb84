//! A message of a client that exists for these tests alone, and the spans of its handling.

use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use otel_messaging::{Description, Instrumentation, Received, TextMap};
use std::collections::BTreeMap;

pub(crate) const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

pub(crate) struct Message {
    pub(crate) headers: BTreeMap<String, String>,
}

impl Received<TextMap> for Message {
    type Headers = BTreeMap<String, String>;

    const SYSTEM: &'static str = "test";

    fn carried_headers(&self) -> Option<&Self::Headers> {
        Some(&self.headers)
    }

    fn describe_message(&self, description: &mut Description) {
        description.set_destination("orders");
    }
}

pub(crate) fn message() -> Message {
    Message {
        headers: BTreeMap::from([("traceparent".to_owned(), TRACEPARENT.to_owned())]),
    }
}

pub(crate) struct Spans {
    exporter: InMemorySpanExporter,
    pub(crate) provider: SdkTracerProvider,
    pub(crate) instrumentation: Instrumentation,
}

pub(crate) fn spans() -> Spans {
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder()
        .with_simple_exporter(exporter.clone())
        .build();
    Spans {
        exporter,
        instrumentation: Instrumentation::default().with_tracer_provider(&provider),
        provider,
    }
}

impl Spans {
    pub(crate) fn ended(&self) -> Vec<SpanData> {
        self.exporter.get_finished_spans().expect("in memory")
    }

    pub(crate) fn only(&self) -> SpanData {
        let mut ended = self.ended();
        assert_eq!(ended.len(), 1, "{ended:?}");
        ended.remove(0)
    }
}
