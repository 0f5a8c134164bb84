//! A call and the same by hand have the same metrics. The provider is the process's own, hence a test
//! of its own.

use benches::call::{
    JetStream, Polling, Processing, Receives, Sending, Sends, process, process_without_span,
};
use benches::client::{Amqp, Client, Kafka, Nats};
use benches::sample::Carried;
use opentelemetry::{KeyValue, global};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, Metric, MetricData, ResourceMetrics};
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider, Temporality};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Keeps what was exported, a text for each time series.
#[derive(Debug, Clone, Default)]
struct Exported(Arc<Mutex<Vec<String>>>);

impl PushMetricExporter for Exported {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        let scopes = metrics.scope_metrics();
        let series = scopes.flat_map(|scope| scope.metrics().flat_map(series));
        self.0.lock().expect("no panic").extend(series);
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

fn series(metric: &Metric) -> Vec<String> {
    let text = |attributes: Vec<&KeyValue>, count: u64| {
        let attributes = attributes
            .iter()
            .map(|kv| format!("{}={}", kv.key, kv.value));
        let mut attributes: Vec<_> = attributes.collect();
        attributes.sort();
        format!("{} {} {attributes:?} {count}", metric.name(), metric.unit())
    };
    match metric.data() {
        AggregatedMetrics::F64(MetricData::Histogram(histogram)) => histogram
            .data_points()
            .map(|point| text(point.attributes().collect(), point.count()))
            .collect(),
        AggregatedMetrics::U64(MetricData::Sum(sum)) => sum
            .data_points()
            .map(|point| text(point.attributes().collect(), point.value()))
            .collect(),
        other => panic!("{other:?}"),
    }
}

struct Meter {
    exported: Exported,
    provider: SdkMeterProvider,
}

impl Meter {
    /// What was measured since the last call.
    fn take(&self) -> Vec<String> {
        self.provider.force_flush().expect("in memory");
        let mut exported = std::mem::take(&mut *self.exported.0.lock().expect("no panic"));
        exported.sort();
        exported
    }
}

fn handled<M: Receives>(meter: &Meter, processing: usize) {
    let polling = Polling::default();
    let message = M::message(M::Client::received(&carried().entries()));
    polling.run(process::<M>(None, &message), || {});
    let ours = meter.take();
    let work = process_without_span::<M>(&message);
    polling.run(
        Processing::new::<M>().measure(M::sent_at(&message), work),
        || {},
    );
    assert_eq!(meter.take(), ours);
    assert_eq!(ours.len(), processing, "{ours:?}");
}

fn same<C: Sends + Receives<Client = C>>(meter: &Meter, processing: usize) {
    handled::<C>(meter, processing);
    let polling = Polling::default();
    let sender = C::connect();
    let injecting = C::injecting(&sender, None);
    let _current = carried().context().attach();
    polling.run(C::send(&injecting, C::record(None)), || {});
    let ours = meter.take();
    let work = C::send_without_span(&sender, C::record(None));
    polling.run(Sending::new::<C>(&sender).measure(work), || {});
    assert_eq!(meter.take(), ours);
    assert_eq!(ours.len(), 2, "{ours:?}");
}

fn carried() -> Carried {
    Carried {
        span: true,
        ..Carried::default()
    }
}

#[test]
fn a_call_and_the_same_by_hand_have_the_same_metrics() {
    let exported = Exported::default();
    let reader = PeriodicReader::builder(exported.clone()).build();
    let provider = SdkMeterProvider::builder().with_reader(reader).build();
    global::set_meter_provider(provider.clone());
    let meter = Meter { exported, provider };
    same::<Amqp>(&meter, 3);
    same::<Kafka>(&meter, 4);
    same::<Nats>(&meter, 3);
    handled::<JetStream>(&meter, 4);
}
