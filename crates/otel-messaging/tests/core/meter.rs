//! Metrics in memory, for the tests beside it.

use opentelemetry::KeyValue;
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, Metric, MetricData};
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, PeriodicReader, SdkMeterProvider};
use std::collections::BTreeMap;

pub(crate) struct Meter {
    exporter: InMemoryMetricExporter,
    pub(crate) provider: SdkMeterProvider,
}

/// A time series: how many measurements or what sum, and their sum in seconds for a histogram.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Series {
    pub(crate) attributes: BTreeMap<String, String>,
    pub(crate) count: u64,
    pub(crate) seconds: f64,
}

pub(crate) fn meter() -> Meter {
    let exporter = InMemoryMetricExporter::default();
    let reader = PeriodicReader::builder(exporter.clone()).build();
    Meter {
        exporter,
        provider: SdkMeterProvider::builder().with_reader(reader).build(),
    }
}

fn texts<'a>(attributes: impl Iterator<Item = &'a KeyValue>) -> BTreeMap<String, String> {
    let text = |kv: &KeyValue| (kv.key.to_string(), kv.value.to_string());
    attributes.map(text).collect()
}

fn series(metric: &Metric) -> Vec<Series> {
    match metric.data() {
        AggregatedMetrics::F64(MetricData::Histogram(histogram)) => {
            let points = histogram.data_points();
            let points = points.map(|point| Series {
                attributes: texts(point.attributes()),
                count: point.count(),
                seconds: point.sum(),
            });
            points.collect()
        }
        AggregatedMetrics::U64(MetricData::Sum(sum)) => {
            let points = sum.data_points().map(|point| Series {
                attributes: texts(point.attributes()),
                count: point.value(),
                seconds: 0.0,
            });
            points.collect()
        }
        other => panic!("{other:?}"),
    }
}

impl Meter {
    /// The time series of a metric, as they are now.
    pub(crate) fn series(&self, name: &str) -> Vec<Series> {
        self.exporter.reset();
        self.provider.force_flush().expect("in memory");
        let exported = self.exporter.get_finished_metrics().expect("in memory");
        let scopes = exported.iter().flat_map(|it| it.scope_metrics());
        let metrics = scopes.flat_map(|scope| scope.metrics());
        let named = metrics.filter(|metric| metric.name() == name);
        named.flat_map(series).collect()
    }

    /// The only time series of a metric.
    pub(crate) fn only(&self, name: &str) -> Series {
        let mut all = self.series(name);
        assert_eq!(all.len(), 1, "{name}: {all:?}");
        all.remove(0)
    }

    /// The counts of a metric by the value of an attribute.
    pub(crate) fn counts_by(&self, name: &str, key: &str) -> BTreeMap<String, u64> {
        let mut counts = BTreeMap::new();
        for series in self.series(name) {
            let value = series.attributes.get(key).cloned().unwrap_or_default();
            *counts.entry(value).or_default() += series.count;
        }
        counts
    }
}
