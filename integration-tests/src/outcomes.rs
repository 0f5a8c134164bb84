//! The metric that counts what became of contexts.

use opentelemetry::KeyValue;
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData};
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, SdkMeterProvider};
use otel_messaging::Instrumentation;

/// A meter provider of the test's own, for one instrumentation.
pub struct Outcomes {
    provider: SdkMeterProvider,
    exporter: InMemoryMetricExporter,
    /// Sends and handles messages with this provider, and otherwise as the given instrumentation.
    pub instrumentation: Instrumentation,
}

impl Outcomes {
    /// Adds metrics to an instrumentation.
    pub fn of(instrumentation: &Instrumentation) -> Self {
        let exporter = InMemoryMetricExporter::default();
        let provider = SdkMeterProvider::builder()
            .with_periodic_exporter(exporter.clone())
            .build();
        let builder = instrumentation.to_builder().with_meter_provider(&provider);
        Self {
            instrumentation: builder.build(),
            provider,
            exporter,
        }
    }

    /// How many messages went without a context.
    pub fn dropped(&self) -> u64 {
        self.exporter.reset();
        let flushed = self.provider.force_flush();
        flushed.expect("the exporter is in memory");
        let metrics = self.exporter.get_finished_metrics();
        let metrics = metrics.expect("the exporter is in memory");
        let dropped = KeyValue::new("otel_messaging.propagation.outcome", "dropped");
        let mut count = 0;
        for resource in &metrics {
            for metric in resource.scope_metrics().flat_map(|scope| scope.metrics()) {
                let AggregatedMetrics::U64(MetricData::Sum(sum)) = metric.data() else {
                    continue;
                };
                let points = sum.data_points();
                let points = points.filter(|point| point.attributes().any(|it| *it == dropped));
                count += points.map(|point| point.value()).sum::<u64>();
            }
        }
        count
    }
}
