//! OpenTelemetry as this program has it: global providers, and an export over OTLP.

use crate::topics::TEMPLATES;
use crate::trace::Recorder;
use examples::otlp::Collector;
use opentelemetry::global;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use otel_messaging::{Instrumentation, propagation};
use std::num::NonZeroUsize;

pub(crate) struct Telemetry {
    tracers: SdkTracerProvider,
    meters: SdkMeterProvider,
    collector: Collector,
}

impl Telemetry {
    /// Sets everything that is global. A span has at most as many links as there is room on a pallet.
    pub(crate) fn start(recorder: &Recorder, room: NonZeroUsize) -> anyhow::Result<Self> {
        let collector = Collector::default();
        let resource = Resource::builder().with_service_name("worker-pool").build();
        let mut tracers = SdkTracerProvider::builder()
            .with_resource(resource.clone())
            // Whatever the senders say: what is not sampled cannot be checked.
            .with_sampler(Sampler::AlwaysOn)
            // The SDK keeps 128 unless it is told: as many as there are parcels on a pallet.
            .with_max_links_per_span(u32::try_from(room.get()).unwrap_or(u32::MAX))
            .with_simple_exporter(recorder.clone());
        if let Some(exporter) = collector.spans() {
            tracers = tracers.with_batch_exporter(exporter);
        }
        let tracers = tracers.build();
        global::set_tracer_provider(tracers.clone());

        let mut meters = SdkMeterProvider::builder().with_resource(resource);
        if let Some(exporter) = collector.metrics() {
            meters = meters.with_periodic_exporter(exporter);
        }
        let meters = meters.build();
        global::set_meter_provider(meters.clone());

        // For HTTP clients too; messages carry W3C's fields anyway.
        global::set_text_map_propagator(propagation::w3c());

        // The topics of each run have names of their own: too many for metrics and for the names of spans.
        let mut instrumentation = Instrumentation::builder();
        for template in TEMPLATES {
            instrumentation = instrumentation.with_destination_template(template);
        }
        instrumentation.build().set_global()?;
        Ok(Self {
            tracers,
            meters,
            collector,
        })
    }

    /// Exports what is left.
    ///
    /// # Errors
    ///
    /// When the export over OTLP failed. Nothing else depends on it.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        let providers = [(self.tracers, self.meters)];
        self.collector.finish(providers).await
    }
}
