//! What the metric of propagation counts.

use crate::message::secret;
use opentelemetry::Key;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData, ResourceMetrics};
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider, Temporality};
use otel_messaging::semconv;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

/// No run takes so long.
const NEVER: Duration = Duration::from_secs(86_400);

/// What is counted of the metrics.
#[derive(Debug, Clone, Default)]
struct Counted(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    /// Messages whose senders were refused.
    refused: AtomicU64,
    /// The most time series that a metric had at once.
    most_series: AtomicUsize,
    /// Exports in which a secret was shown.
    secrets: AtomicUsize,
}

pub(crate) struct Meters {
    pub(crate) provider: SdkMeterProvider,
    counted: Counted,
}

impl Meters {
    pub(crate) fn new() -> Self {
        let counted = Counted::default();
        let reader = PeriodicReader::builder(counted.clone()).with_interval(NEVER);
        let provider = SdkMeterProvider::builder().with_reader(reader.build());
        Self {
            provider: provider.build(),
            counted,
        }
    }

    /// How many messages came whose senders were refused.
    pub(crate) fn refused(&self) -> u64 {
        self.provider.force_flush().expect("in memory");
        self.counted.0.refused.load(Ordering::Relaxed)
    }

    /// How many exports showed a secret, and the most time series that a metric had.
    pub(crate) fn shown(&self) -> (usize, usize) {
        self.provider.force_flush().expect("in memory");
        let counts = &self.counted.0;
        let [secrets, series] = [&counts.secrets, &counts.most_series];
        (
            secrets.load(Ordering::Relaxed),
            series.load(Ordering::Relaxed),
        )
    }
}

impl PushMetricExporter for Counted {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        if format!("{metrics:?}").contains(&secret()) {
            self.0.secrets.fetch_add(1, Ordering::Relaxed);
        }
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
                let series = sum.data_points().count();
                self.0.most_series.fetch_max(series, Ordering::Relaxed);
                let points = sum.data_points();
                let refused = points.filter(|point| point.attributes().any(|it| is_refused(&it)));
                let count: u64 = refused.map(|point| point.value()).sum();
                self.0.refused.fetch_add(count, Ordering::Relaxed);
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
