//! The metrics of all services, as a table.

use crate::drawing::{color_of, empty_table, milliseconds};
use comfy_table::{Cell, CellAlignment, Table};
use opentelemetry::KeyValue;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::Temporality;
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, Metric, MetricData, ResourceMetrics};
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use otel_messaging::adapter::semconv;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Where the exporters of all services put their metrics. It keeps what each exported last.
#[derive(Debug, Clone, Default)]
pub(crate) struct MetricsRecorder {
    services: Arc<Mutex<Vec<Service>>>,
}

#[derive(Debug)]
struct Service {
    name: &'static str,
    rows: Vec<Row>,
}

/// One time series.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    metric: String,
    destination: String,
    operation: String,
    count: u64,
    /// The mean of a histogram, what became of a context, the error of what failed.
    detail: String,
}

impl MetricsRecorder {
    /// The table has the services in the order of these calls.
    pub(crate) fn exporter(&self, service: &'static str) -> impl PushMetricExporter + use<> {
        self.services().push(Service {
            name: service,
            rows: Vec::new(),
        });
        Exporter {
            service,
            recorder: self.clone(),
        }
    }

    pub(crate) fn table(&self) -> Table {
        let mut table = empty_table();
        let mut header: Vec<_> = HEADER.map(Cell::new).into();
        header[4] = Cell::new(HEADER[4]).set_alignment(CellAlignment::Right);
        table.set_header(header);
        for service in &*self.services() {
            for row in &service.rows {
                table.add_row([
                    Cell::new(service.name).fg(color_of(service.name)),
                    Cell::new(&row.metric),
                    Cell::new(&row.destination),
                    Cell::new(&row.operation),
                    Cell::new(row.count).set_alignment(CellAlignment::Right),
                    Cell::new(&row.detail),
                ]);
            }
        }
        table
    }

    fn services(&self) -> MutexGuard<'_, Vec<Service>> {
        self.services.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const HEADER: [&str; 6] = [
    "service",
    "metric",
    "destination",
    "operation",
    "count",
    "detail",
];

#[derive(Debug)]
struct Exporter {
    service: &'static str,
    recorder: MetricsRecorder,
}

impl PushMetricExporter for Exporter {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        let metrics = metrics.scope_metrics().flat_map(|scope| scope.metrics());
        let mut rows: Vec<_> = metrics.flat_map(rows_of).collect();
        rows.sort_unstable();
        let mut services = self.recorder.services();
        let own = services.iter_mut().find(|own| own.name == self.service);
        if let Some(own) = own {
            own.rows = rows;
        }
        Ok(())
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }

    /// What was exported last is all there is.
    fn temporality(&self) -> Temporality {
        Temporality::Cumulative
    }
}

/// The time series of a metric. otel-messaging has counters and histograms, and no other kinds.
fn rows_of(metric: &Metric) -> Vec<Row> {
    match metric.data() {
        AggregatedMetrics::U64(MetricData::Sum(sum)) => {
            let points = sum.data_points();
            points
                .map(|point| Row::new(metric, point.attributes(), point.value(), None))
                .collect()
        }
        AggregatedMetrics::F64(MetricData::Histogram(histogram)) => {
            let points = histogram.data_points();
            points
                .map(|point| {
                    let mean = point.sum() / point.count() as f64;
                    let mean = format!("mean {}", in_unit(mean, metric.unit()));
                    Row::new(metric, point.attributes(), point.count(), Some(mean))
                })
                .collect()
        }
        _ => Vec::new(),
    }
}

impl Row {
    fn new<'a>(
        metric: &Metric,
        attributes: impl Iterator<Item = &'a KeyValue>,
        count: u64,
        mean: Option<String>,
    ) -> Self {
        let attributes: Vec<_> = attributes.collect();
        let value = |key: &str| {
            let mut attributes = attributes.iter();
            let found = attributes.find(|attribute| attribute.key.as_str() == key);
            found.map(|attribute| attribute.value.to_string())
        };
        let destination = value(semconv::MESSAGING_DESTINATION_TEMPLATE)
            .or_else(|| value(semconv::MESSAGING_DESTINATION_NAME));
        let outcome = value(semconv::OTEL_MESSAGING_PROPAGATION_OUTCOME);
        let error = value(semconv::ERROR_TYPE).map(|error| format!("failed: {error}"));
        let detail: Vec<_> = [mean, outcome, error].into_iter().flatten().collect();
        Self {
            metric: metric.name().to_owned(),
            destination: destination.unwrap_or_default(),
            operation: value(semconv::MESSAGING_OPERATION_NAME).unwrap_or_default(),
            count,
            detail: detail.join(", "),
        }
    }
}

fn in_unit(value: f64, unit: &str) -> String {
    match unit {
        "s" => milliseconds(Duration::try_from_secs_f64(value).unwrap_or_default()),
        _ => format!("{value:.1} {unit}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use opentelemetry::metrics::MeterProvider;
    use opentelemetry_sdk::metrics::SdkMeterProvider;

    #[test]
    fn a_row_is_a_time_series() {
        let recorder = MetricsRecorder::default();
        let providers = ["shop", "checkout"].map(|service| {
            SdkMeterProvider::builder()
                .with_periodic_exporter(recorder.exporter(service))
                .build()
        });
        let by = |operation: &'static str, more: &[(&'static str, &'static str)]| {
            let operation = [(semconv::MESSAGING_OPERATION_NAME, operation)];
            let all = operation.into_iter().chain(more.iter().copied());
            all.map(|(key, value)| KeyValue::new(key, value))
                .collect::<Vec<_>>()
        };

        let shop = providers[0].meter("test");
        let sent = shop.u64_counter("sent").build();
        let template = (semconv::MESSAGING_DESTINATION_TEMPLATE, "orders-{run}");
        sent.add(2, &by("publish", &[template]));
        let error = (semconv::ERROR_TYPE, "timeout");
        sent.add(1, &by("publish", &[template, error]));
        let took = shop.f64_histogram("took").with_unit("s").build();
        took.record(0.001, &by("publish", &[template]));
        took.record(0.002, &by("publish", &[template]));

        let checkout = providers[1].meter("test");
        let read = checkout.u64_counter("read").build();
        let name = (semconv::MESSAGING_DESTINATION_NAME, "orders");
        let outcome = (semconv::OTEL_MESSAGING_PROPAGATION_OUTCOME, "extracted");
        read.add(3, &by("process", &[name, outcome]));
        let size = checkout.f64_histogram("size").with_unit("By").build();
        size.record(5.0, &by("process", &[]));

        // What was exported last counts: nothing is added up.
        for provider in &providers {
            provider.force_flush().expect("it is exported");
            provider.shutdown().expect("it is exported again");
        }
        let drawn = recorder.table().force_no_tty().to_string();
        let drawn: Vec<_> = drawn.lines().map(str::trim_end).collect();
        assert_eq!(
            drawn,
            [
                " service   metric  destination   operation  count  detail",
                "───────────────────────────────────────────────────────────────────",
                " shop      sent    orders-{run}  publish        1  failed: timeout",
                " shop      sent    orders-{run}  publish        2",
                " shop      took    orders-{run}  publish        2  mean 1.5 ms",
                " checkout  read    orders        process        3  extracted",
                " checkout  size                  process        1  mean 5.0 By",
            ]
        );
    }
}
