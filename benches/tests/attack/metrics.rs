//! What the metric of propagation counts.

use opentelemetry::Key;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData, ResourceMetrics};
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider, Temporality};
use otel_messaging::semconv;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// No run takes so long.
const NEVER: Duration = Duration::from_secs(86_400);

/// Counts the messages whose senders were refused.
#[derive(Debug, Clone, Default)]
struct Refused(Arc<AtomicU64>);

pub(crate) struct Meters {
    pub(crate) provider: SdkMeterProvider,
    refused: Refused,
}

impl Meters {
    pub(crate) fn new() -> Self {
        let refused = Refused::default();
        let reader = PeriodicReader::builder(refused.clone()).with_interval(NEVER);
        let provider = SdkMeterProvider::builder().with_reader(reader.build());
        Self {
            provider: provider.build(),
            refused,
        }
    }

    /// How many messages came whose senders were refused.
    pub(crate) fn refused(&self) -> u64 {
        self.provider.force_flush().expect("in memory");
        self.refused.0.load(Ordering::Relaxed)
    }
}

impl PushMetricExporter for Refused {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        let scopes = metrics.scope_metrics();
        let metrics = scopes.flat_map(|scope| scope.metrics());
        let counted =
            metrics.filter(|it| it.name() == semconv::OTEL_MESSAGING_PROPAGATION_MESSAGES);
        let outcome = Key::from_static_str(semconv::OTEL_MESSAGING_PROPAGATION_OUTCOME);
        for metric in counted {
            if let AggregatedMetrics::U64(MetricData::Sum(sum)) = metric.data() {
                let is_refused = |it: &&opentelemetry::KeyValue| {
                    it.key == outcome && it.value.as_str() == "refused"
                };
                let points = sum.data_points();
                let refused = points.filter(|point| point.attributes().any(|it| is_refused(&it)));
                let count: u64 = refused.map(|point| point.value()).sum();
                self.0.fetch_add(count, Ordering::Relaxed);
            }
        }
        Ok(())
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        Ok(())
    }

    fn temporality(&self) -> Temporality {
        Temporality::Delta
    }
}
