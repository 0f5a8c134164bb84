//! Baggage on the spans and logs of a whole program.

mod logs;
#[path = "../core/message.rs"]
#[expect(dead_code, reason = "another test needs the rest")]
mod message;
mod spans;
#[cfg(feature = "tracing")]
mod traced;

use crate::message::{Message, TRACEPARENT};
use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::logs::{InMemoryLogExporter, SdkLogRecord, SdkLoggerProvider};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracer, SdkTracerProvider, SpanData};
use otel_messaging::Instrumentation;
use otel_messaging::instrumentation::BaggageAttributes;
use otel_messaging::sdk::BaggageProcessor;
use std::fmt::Debug;

/// The telemetry of a program, in memory.
struct Program {
    spans: InMemorySpanExporter,
    tracers: SdkTracerProvider,
    logs: InMemoryLogExporter,
    loggers: SdkLoggerProvider,
}

fn program(copied: &BaggageAttributes) -> Program {
    let (spans, logs) = (
        InMemorySpanExporter::default(),
        InMemoryLogExporter::default(),
    );
    let processor = BaggageProcessor::new(copied.clone());
    Program {
        tracers: SdkTracerProvider::builder()
            .with_simple_exporter(spans.clone())
            .with_span_processor(processor.clone())
            .build(),
        spans,
        loggers: SdkLoggerProvider::builder()
            .with_log_processor(processor)
            .with_simple_exporter(logs.clone())
            .build(),
        logs,
    }
}

impl Program {
    /// Whose spans are of OpenTelemetry alone.
    fn instrumentation(&self) -> Instrumentation {
        let builder = Instrumentation::builder();
        builder.with_tracer_provider(&self.tracers).build()
    }

    fn tracer(&self) -> SdkTracer {
        self.tracers.tracer("application")
    }

    fn span(&self, name: &str) -> SpanData {
        let ended = self.spans.get_finished_spans().expect("in memory");
        let found = ended.iter().find(|span| span.name == name).cloned();
        found.unwrap_or_else(|| panic!("no span `{name}` in {ended:#?}"))
    }

    fn logs(&self) -> Vec<SdkLogRecord> {
        let emitted = self.logs.get_emitted_logs().expect("in memory");
        emitted.into_iter().map(|log| log.record).collect()
    }
}

fn tenant() -> BaggageAttributes {
    BaggageAttributes::new(["tenant"])
}

/// A message with a baggage.
fn message(baggage: &str) -> Message {
    let fields = [("traceparent", TRACEPARENT), ("baggage", baggage)];
    let own = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    Message {
        headers: fields.map(own).into(),
    }
}

/// All values of an attribute.
fn values(span: &SpanData, key: &str) -> Vec<String> {
    let found = span.attributes.iter().filter(|it| it.key.as_str() == key);
    found.map(|it| it.value.to_string()).collect()
}

/// All values of an attribute of a log record.
fn logged(record: &SdkLogRecord, key: &str) -> Vec<String> {
    let found = record
        .attributes_iter()
        .filter(|(own, _)| own.as_str() == key);
    found.map(|(_, value)| text(value)).collect()
}

fn text(value: &opentelemetry::logs::AnyValue) -> String {
    match value {
        opentelemetry::logs::AnyValue::String(text) => text.to_string(),
        other => panic!("{:?}", other as &dyn Debug),
    }
}
