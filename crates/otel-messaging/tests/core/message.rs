//! A message of a client that exists for these tests alone, and the spans of its handling.

use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use otel_messaging::adapter::{Client, Describe, Destination, TextMap};
use otel_messaging::{Instrumentation, Received};
use std::collections::BTreeMap;

pub(crate) const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// The marker of the client. The headers are maps of the standard library, so their carriers are
/// those of `TextMap`.
pub(crate) enum TestClient {}

impl Client for TestClient {
    const SYSTEM: &'static str = "test";
    const NAME: &'static str = "otel-messaging-test";
    const VERSION: &'static str = "1.2.3";
}

pub(crate) struct Message {
    pub(crate) headers: BTreeMap<String, String>,
}

impl Describe<TextMap> for Message {
    type Client = TestClient;

    fn destination(&self) -> Destination<'_> {
        Destination::named("orders")
    }
}

impl Received<TextMap> for Message {
    type Headers = BTreeMap<String, String>;

    fn message_headers(&self) -> Option<&Self::Headers> {
        Some(&self.headers)
    }
}

/// A message that goes out.
pub(crate) struct Sent(pub(crate) Destination<'static>);

impl Describe<TextMap> for Sent {
    type Client = TestClient;

    fn destination(&self) -> Destination<'_> {
        self.0
    }
}

/// A message that goes out, of which not even the destination is known.
pub(crate) const NOWHERE: Sent = Sent(Destination::unknown());

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
        instrumentation: Instrumentation::builder()
            .with_tracer_provider(&provider)
            .build(),
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
