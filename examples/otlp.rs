//! The export of spans and metrics over OTLP, for those who set where to.

use crate::address::Address;
use futures_util::future::join_all;
use opentelemetry_otlp::{MetricExporter, SpanExporter as OtlpSpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::metrics::{SdkMeterProvider, Temporality};
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter};
use std::env;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::timeout;

const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const SPANS_GO_TO: &str = "OTEL_TRACES_EXPORTER";
const METRICS_GO_TO: &str = "OTEL_METRICS_EXPORTER";

/// How long one request may take.
const REQUEST: Duration = Duration::from_secs(2);
/// How long the export may take at the end.
const EXPORT: Duration = Duration::from_secs(4);

/// The collector at the endpoint in the environment, if there is one.
///
/// It keeps what goes wrong: the SDK itself would only log it.
#[derive(Debug, Clone, Default)]
pub struct Collector {
    spans: Failure,
    metrics: Failure,
}

impl Collector {
    /// An exporter of spans. `None` without an endpoint, and if `OTEL_TRACES_EXPORTER` is `none`.
    #[must_use]
    pub fn spans(&self) -> Option<impl SpanExporter + use<>> {
        if !is_wanted(SPANS_GO_TO) {
            return None;
        }
        let builder = OtlpSpanExporter::builder()
            .with_http()
            .with_timeout(REQUEST);
        self.spans.watch(builder.build())
    }

    /// An exporter of metrics. `None` without an endpoint, and if `OTEL_METRICS_EXPORTER` is `none`.
    #[must_use]
    pub fn metrics(&self) -> Option<impl PushMetricExporter + use<>> {
        if !is_wanted(METRICS_GO_TO) {
            return None;
        }
        let builder = MetricExporter::builder().with_http().with_timeout(REQUEST);
        self.metrics.watch(builder.build())
    }

    /// Exports what is left and shuts the providers down.
    ///
    /// # Errors
    ///
    /// When an export failed, now or before. Nothing else depends on it.
    pub async fn finish(
        self,
        providers: impl IntoIterator<Item = (SdkTracerProvider, SdkMeterProvider)>,
    ) -> anyhow::Result<()> {
        // Exporting blocks: all at once, and none for ever.
        let (spans, metrics): (Vec<_>, Vec<_>) = providers
            .into_iter()
            .map(|(tracers, meters)| {
                let spans = spawn_blocking(move || {
                    let _ = tracers.force_flush();
                    let _ = tracers.shutdown();
                });
                // Its shutdown exports too.
                let metrics = spawn_blocking(move || drop(meters.shutdown()));
                (spans, metrics)
            })
            .unzip();
        tokio::join!(self.spans.wait_for(spans), self.metrics.wait_for(metrics));
        self.failure().map_or(Ok(()), Err)
    }

    /// What to say of what went wrong.
    fn failure(&self) -> Option<anyhow::Error> {
        let (what, why) = match (self.spans.0.get(), self.metrics.0.get()) {
            (Some(why), Some(_)) => ("spans and metrics", why),
            (Some(why), None) => ("spans", why),
            (None, Some(why)) => ("metrics", why),
            (None, None) => return None,
        };
        let what = format!("the {what} did not get to the collector");
        Some(endpoint()?.failure(&what, why))
    }
}

/// The first thing that went wrong with an export.
#[derive(Debug, Clone, Default)]
struct Failure(Arc<OnceLock<String>>);

impl Failure {
    fn tell(&self, what: impl ToString) {
        let _ = self.0.set(what.to_string());
    }

    fn watch<E>(&self, exporter: Result<E, impl ToString>) -> Option<Watched<E>> {
        let exporter = exporter.map_err(|error| self.tell(error)).ok()?;
        let failure = self.clone();
        Some(Watched { exporter, failure })
    }

    async fn wait_for(&self, exports: Vec<JoinHandle<()>>) {
        if timeout(EXPORT, join_all(exports)).await.is_err() {
            self.tell("no answer in time");
        }
    }
}

/// An exporter whose first failure is kept.
#[derive(Debug)]
struct Watched<E> {
    exporter: E,
    failure: Failure,
}

impl<E> Watched<E> {
    fn seen(&self, exported: OTelSdkResult) -> OTelSdkResult {
        exported.inspect_err(|error| self.failure.tell(error))
    }
}

impl<E: SpanExporter> SpanExporter for Watched<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.seen(self.exporter.export(batch).await)
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

impl<E: PushMetricExporter> PushMetricExporter for Watched<E> {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        self.seen(self.exporter.export(metrics).await)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn temporality(&self) -> Temporality {
        self.exporter.temporality()
    }
}

fn endpoint() -> Option<Address> {
    Address::given(env::var(ENDPOINT).ok().as_deref())
}

/// Whether there is an endpoint, and the signal is not turned off (OpenTelemetry specification,
/// "Exporter Selection").
fn is_wanted(exporter: &str) -> bool {
    endpoint().is_some() && env::var(exporter).as_deref() != Ok("none")
}
