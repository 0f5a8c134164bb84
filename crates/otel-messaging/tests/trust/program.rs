//! A client that exists for these tests alone, and the telemetry of a program that handles its messages.

use opentelemetry::Context;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::{SpanContext, TraceContextExt};
use opentelemetry_sdk::trace::{
    InMemorySpanExporter, Sampler, SdkTracerProvider, ShouldSample, SpanData,
};
use otel_messaging::adapter::{Client, Describe, Destination, TextMap};
use otel_messaging::instrumentation::Builder;
use otel_messaging::trust::{IncomingPolicy, Messages};
use otel_messaging::{Instrumentation, Received, extract};
use std::collections::BTreeMap;

pub(crate) type Headers = BTreeMap<String, String>;

pub(crate) const SAMPLED: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
pub(crate) const NOT_SAMPLED: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";

pub(crate) enum TestClient {}

impl Client for TestClient {
    // Only its destinations have several parts.
    const SYSTEM: &'static str = "rabbitmq";
    const NAME: &'static str = "otel-messaging-test";
    const VERSION: &'static str = "1.2.3";
}

/// A message with its destination: exchange, key, and no queue.
pub(crate) struct Message {
    pub(crate) parts: [&'static str; 3],
    pub(crate) headers: Headers,
}

impl Describe<TextMap> for Message {
    type Client = TestClient;

    fn destination(&self) -> Destination<'_> {
        Destination::of_parts(self.parts)
    }
}

impl Received<TextMap> for Message {
    type Headers = Headers;

    fn message_headers(&self) -> Option<&Headers> {
        Some(&self.headers)
    }
}

pub(crate) fn headers<V: Into<String>>(
    fields: impl IntoIterator<Item = (&'static str, V)>,
) -> Headers {
    let fields = fields.into_iter();
    fields
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect()
}

/// A message to `orders`.
pub(crate) fn message<V: Into<String>>(
    fields: impl IntoIterator<Item = (&'static str, V)>,
) -> Message {
    to(["orders", "", ""], fields)
}

pub(crate) fn to<V: Into<String>>(
    parts: [&'static str; 3],
    fields: impl IntoIterator<Item = (&'static str, V)>,
) -> Message {
    Message {
        parts,
        headers: headers(fields),
    }
}

/// A message that came from the sender of [`SAMPLED`], with a tracestate and baggage.
pub(crate) fn full() -> Message {
    message([
        ("traceparent", SAMPLED),
        ("tracestate", "vendor=1"),
        ("baggage", "tenant=acme,user=ada"),
    ])
}

pub(crate) fn sender() -> SpanContext {
    let context = extract(&headers([("traceparent", SAMPLED)]));
    context.span().span_context().clone()
}

pub(crate) fn keys(context: &Context) -> Vec<String> {
    let keys = context.baggage().iter().map(|(key, _)| key.to_string());
    let mut keys: Vec<_> = keys.collect();
    keys.sort();
    keys
}

/// The spans of a program.
pub(crate) struct Program {
    exporter: InMemorySpanExporter,
    pub(crate) provider: SdkTracerProvider,
}

impl Program {
    pub(crate) fn new() -> Self {
        Self::sampling(Sampler::ParentBased(Box::new(Sampler::AlwaysOn)))
    }

    pub(crate) fn sampling(sampler: impl ShouldSample + 'static) -> Self {
        let exporter = InMemorySpanExporter::default();
        let provider = SdkTracerProvider::builder()
            .with_simple_exporter(exporter.clone())
            .with_sampler(sampler)
            .build();
        Self { exporter, provider }
    }

    pub(crate) fn builder(&self) -> Builder {
        Instrumentation::builder().with_tracer_provider(&self.provider)
    }

    /// One policy for all messages.
    pub(crate) fn incoming(&self, policy: IncomingPolicy) -> Instrumentation {
        self.builder()
            .with_incoming(Messages::all(), policy)
            .build()
    }

    /// Believes the senders of these messages alone.
    pub(crate) fn believing(&self, messages: Messages) -> Instrumentation {
        self.builder()
            .with_incoming(messages, IncomingPolicy::Continue)
            .with_incoming(Messages::all(), IncomingPolicy::RestartWithLink)
            .build()
    }

    pub(crate) fn ended(&self) -> Vec<SpanData> {
        self.exporter.get_finished_spans().expect("in memory")
    }

    /// The one span that was exported since the last time.
    pub(crate) fn only(&self) -> SpanData {
        let mut ended = self.ended();
        self.exporter.reset();
        assert_eq!(ended.len(), 1, "{ended:?}");
        ended.remove(0)
    }
}

/// Whether the handling of `message` is in the sender's trace.
pub(crate) fn continues(by: &Instrumentation, message: &Message) -> bool {
    let span = by.process(message);
    let span = span.context().span().span_context().clone();
    span.trace_id() == sender().trace_id()
}
