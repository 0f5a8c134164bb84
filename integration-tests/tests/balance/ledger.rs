//! Counts of spans and of metrics, side by side.

use integration_tests::counts::SpanCounts;
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, Metric, MetricData};
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, SdkMeterProvider};
use opentelemetry_sdk::trace::{SdkTracerProvider, Span, SpanData, SpanProcessor};
use otel_messaging::Instrumentation;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How many, by a text such as an `error.type`; the empty text stands for none.
pub(crate) type Counts = BTreeMap<String, u64>;

/// The spans of one operation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Spans {
    pub(crate) by_error: Counts,
    pub(crate) linked: u64,
}

impl Spans {
    pub(crate) fn all(&self) -> u64 {
        self.by_error.values().sum()
    }
}

/// The spans that have ended, by `messaging.operation.type`.
#[derive(Debug, Clone, Default)]
struct Ended(Arc<Mutex<BTreeMap<String, Spans>>>);

impl SpanProcessor for Ended {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        let text = |key| value(span.attributes.iter(), key);
        let mut ended = self.0.lock().expect("no thread has panicked");
        let spans = ended.entry(text("messaging.operation.type")).or_default();
        *spans.by_error.entry(text("error.type")).or_default() += 1;
        spans.linked += u64::from(span.links.iter().next().is_some());
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

/// Providers of a test's own that count.
pub(crate) struct Ledger {
    pub(crate) instrumentation: Instrumentation,
    ended: Ended,
    counts: SpanCounts,
    meter_provider: SdkMeterProvider,
    exporter: InMemoryMetricExporter,
}

impl Ledger {
    pub(crate) fn new() -> Self {
        let (ended, counts) = (Ended::default(), SpanCounts::default());
        let tracer_provider = SdkTracerProvider::builder()
            .with_span_processor(ended.clone())
            .with_span_processor(counts.clone())
            .build();
        let exporter = InMemoryMetricExporter::default();
        let meter_provider = SdkMeterProvider::builder()
            .with_periodic_exporter(exporter.clone())
            .build();
        Self {
            instrumentation: Instrumentation::builder()
                .with_tracer_provider(&tracer_provider)
                .with_meter_provider(&meter_provider)
                .build(),
            ended,
            counts,
            meter_provider,
            exporter,
        }
    }

    /// The spans of an operation, once all that have started have ended.
    pub(crate) async fn spans(&self, operation_type: &str) -> Spans {
        self.counts.all_ended().await;
        let ended = self.ended.0.lock().expect("no thread has panicked");
        ended.get(operation_type).cloned().unwrap_or_default()
    }

    /// The values of a counter, or how many values a histogram has, of the operation with this name, by
    /// another attribute.
    pub(crate) fn metric(&self, name: &str, operation: &str, by: &str) -> Counts {
        let flushed = self.meter_provider.force_flush();
        flushed.expect("the exporter is in memory");
        let collected = self.exporter.get_finished_metrics();
        let collected = collected.expect("the exporter is in memory");
        // Values are cumulative: the last has all.
        let last = collected.last().expect("metrics");
        let metrics = last.scope_metrics().flat_map(|scope| scope.metrics());
        let mut counts = Counts::new();
        for metric in metrics.filter(|metric| metric.name() == name) {
            add(metric, operation, by, &mut counts);
        }
        counts
    }
}

fn add(metric: &Metric, operation: &str, by: &str, counts: &mut Counts) {
    let mut add = |attributes: &[KeyValue], count| {
        if value(attributes.iter(), "messaging.operation.name") == operation {
            *counts.entry(value(attributes.iter(), by)).or_default() += count;
        }
    };
    match metric.data() {
        AggregatedMetrics::U64(MetricData::Sum(sum)) => {
            for point in sum.data_points() {
                add(
                    &point.attributes().cloned().collect::<Vec<_>>(),
                    point.value(),
                );
            }
        }
        AggregatedMetrics::F64(MetricData::Histogram(histogram)) => {
            for point in histogram.data_points() {
                add(
                    &point.attributes().cloned().collect::<Vec<_>>(),
                    point.count(),
                );
            }
        }
        other => panic!("{}: {other:?}", metric.name()),
    }
}

fn value<'a>(mut attributes: impl Iterator<Item = &'a KeyValue>, key: &str) -> String {
    let found = attributes.find(|attribute| attribute.key.as_str() == key);
    found
        .map(|attribute| attribute.value.to_string())
        .unwrap_or_default()
}
