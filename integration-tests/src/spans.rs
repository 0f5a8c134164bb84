//! The spans of one test.

use crate::counts::SpanCounts;
use opentelemetry::trace::{Span, TracerProvider};
use opentelemetry::trace::{SpanContext, SpanKind, Status, TraceContextExt, Tracer};
use opentelemetry::{Context, Value};
use opentelemetry_sdk::trace::{
    InMemorySpanExporter, SdkTracer, SdkTracerProvider, ShouldSample, SpanData,
    TracerProviderBuilder,
};
use otel_messaging::Instrumentation;

/// A tracer provider of the test's own, and what it exported.
pub struct Spans {
    exporter: InMemorySpanExporter,
    provider: SdkTracerProvider,
    /// Sends and handles messages with this provider.
    pub instrumentation: Instrumentation,
    /// The application's own tracer.
    pub tracer: SdkTracer,
    /// How many of its spans have started and ended.
    pub counts: SpanCounts,
}

impl Spans {
    /// A provider that exports each span when it ends.
    pub fn new() -> Self {
        Self::of(SdkTracerProvider::builder())
    }

    /// The same, with this sampler.
    pub fn sampled_by(sampler: impl ShouldSample + 'static) -> Self {
        Self::of(SdkTracerProvider::builder().with_sampler(sampler))
    }

    fn of(provider: TracerProviderBuilder) -> Self {
        let exporter = InMemorySpanExporter::default();
        let counts = SpanCounts::default();
        // Counted behind the export: what is counted as ended is there.
        let provider = provider
            .with_simple_exporter(exporter.clone())
            .with_span_processor(counts.clone())
            .build();
        Self {
            instrumentation: Instrumentation::builder()
                .with_tracer_provider(&provider)
                .build(),
            tracer: provider.tracer("application"),
            exporter,
            provider,
            counts,
        }
    }

    /// The same, as the application's global provider.
    pub fn global() -> Self {
        let spans = Self::new();
        opentelemetry::global::set_tracer_provider(spans.provider.clone());
        spans
    }

    /// A context with a new root span of the application in it.
    pub fn root(&self, name: &'static str) -> Context {
        let span = self.tracer.start_with_context(name, &Context::new());
        Context::new().with_span(span)
    }

    /// Starts and ends a span of the application in the current context.
    pub fn work(&self, name: &'static str) {
        self.tracer.start(name).end();
    }

    /// All spans that have ended, in the order of their ends.
    pub fn all(&self) -> Vec<SpanData> {
        self.provider
            .force_flush()
            .expect("the exporter is in memory");
        self.exporter
            .get_finished_spans()
            .expect("the exporter is in memory")
    }

    /// The one span of this name.
    pub fn named(&self, name: &str) -> SpanData {
        let all = self.all();
        let names: Vec<_> = all.iter().map(|span| span.name.to_string()).collect();
        let mut found = all.into_iter().filter(|span| span.name == name);
        let span = found.next();
        let span = span.unwrap_or_else(|| panic!("no span `{name}` among {names:?}"));
        assert!(
            found.next().is_none(),
            "more than one `{name}` among {names:?}"
        );
        span
    }

    /// Whether a span of this name has ended.
    pub fn has(&self, name: &str) -> bool {
        self.all().iter().any(|span| span.name == name)
    }
}

impl Default for Spans {
    fn default() -> Self {
        Self::new()
    }
}

/// Asserts on a span of the messaging conventions: what every one of them has.
pub fn assert_messaging(
    span: &SpanData,
    kind: SpanKind,
    system: &'static str,
    operation: [&str; 2],
) {
    assert_eq!(span.span_kind, kind, "{}", span.name);
    assert_eq!(
        attribute(span, "messaging.system.name"),
        Some(system.into())
    );
    let [name, of_type] = operation.map(|text| Some(Value::from(text.to_owned())));
    assert_eq!(attribute(span, "messaging.operation.name"), name);
    assert_eq!(attribute(span, "messaging.operation.type"), of_type);
}

/// Asserts that `child` is a child of `parent`, in its trace.
pub fn assert_child(child: &SpanData, parent: &SpanContext) {
    let (name, context) = (&child.name, &child.span_context);
    assert_eq!(context.trace_id(), parent.trace_id(), "trace of {name}");
    assert_eq!(child.parent_span_id, parent.span_id(), "parent of {name}");
}

/// Asserts that the span has one link, to `sender`.
pub fn assert_linked(span: &SpanData, sender: &SpanContext) {
    assert_links(span, &[sender]);
}

/// Asserts that the span has these links, in this order.
pub fn assert_links(span: &SpanData, linked: &[&SpanContext]) {
    let ids = |context: &SpanContext| (context.trace_id(), context.span_id());
    let links = span.links.iter();
    let links: Vec<_> = links.map(|link| ids(&link.span_context)).collect();
    let linked: Vec<_> = linked.iter().map(|context| ids(context)).collect();
    assert_eq!(links, linked, "links of {}", span.name);
}

/// Asserts that the span ended well.
pub fn assert_unfailed(span: &SpanData) {
    assert_eq!(span.status, Status::Unset, "{}", span.name);
    assert_eq!(attribute(span, "error.type"), None, "{}", span.name);
}

/// The value of an attribute.
pub fn attribute(span: &SpanData, key: &str) -> Option<Value> {
    let mut found = span.attributes.iter().filter(|kv| kv.key.as_str() == key);
    let value = found.next().map(|kv| kv.value.clone());
    assert!(
        found.next().is_none(),
        "{key} stands twice on {}",
        span.name
    );
    value
}

/// The header that says `span` is the sender.
pub fn traceparent(span: &SpanContext) -> String {
    let flags = span.trace_flags().to_u8();
    format!(
        "00-{:032x}-{:016x}-{flags:02x}",
        span.trace_id(),
        span.span_id()
    )
}
