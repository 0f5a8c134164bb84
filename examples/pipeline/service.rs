//! The four services: each with its own tracer provider and meter provider, as if it were its own
//! process.

use crate::brokers::DESTINATIONS;
use crate::metrics::MetricsRecorder;
use crate::trace::Recorder;
use examples::otlp::Collector;
use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider};
use otel_messaging::Instrumentation;
use otel_messaging::instrumentation::{Finding, MetricDestinations};

pub(crate) struct Services {
    pub(crate) shop: Service,
    pub(crate) checkout: Service,
    pub(crate) billing: Service,
    pub(crate) shipping: Service,
    collector: Collector,
}

impl Services {
    pub(crate) fn start(spans: &Recorder, metrics: &MetricsRecorder) -> Self {
        let collector = Collector::default();
        let start = |name| Service::start(name, spans, metrics, &collector);
        Self {
            shop: start("shop"),
            checkout: start("checkout"),
            billing: start("billing"),
            shipping: start("shipping"),
            collector,
        }
    }

    /// What is wrong with how they are set up. What they share, such as the global propagator, is found
    /// four times and returned once.
    pub(crate) fn self_check(&self) -> Vec<Finding> {
        let services = [&self.shop, &self.checkout, &self.billing, &self.shipping];
        let checks = services.map(|service| service.instrumentation.self_check());
        let mut findings = Vec::new();
        for finding in checks.into_iter().flatten() {
            if !findings.contains(&finding) {
                findings.push(finding);
            }
        }
        findings
    }

    /// Exports what is left and shuts the providers down.
    ///
    /// # Errors
    ///
    /// When the export over OTLP failed. Nothing else depends on it.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        let services = [self.shop, self.checkout, self.billing, self.shipping];
        let providers = services.map(|service| (service.tracers, service.meters));
        self.collector.finish(providers).await
    }
}

pub(crate) struct Service {
    pub(crate) name: &'static str,
    pub(crate) tracer: SdkTracer,
    /// What its producers and consumers go by.
    pub(crate) instrumentation: Instrumentation,
    tracers: SdkTracerProvider,
    meters: SdkMeterProvider,
}

impl Service {
    fn start(
        name: &'static str,
        spans: &Recorder,
        metrics: &MetricsRecorder,
        collector: &Collector,
    ) -> Self {
        let resource = Resource::builder().with_service_name(name).build();
        let mut tracers = SdkTracerProvider::builder()
            .with_resource(resource.clone())
            // Whatever the environment says: a trace that is not sampled cannot be drawn.
            .with_sampler(Sampler::AlwaysOn)
            .with_simple_exporter(spans.exporter(name));
        if let Some(exporter) = collector.spans() {
            tracers = tracers.with_batch_exporter(exporter);
        }
        let tracers = tracers.build();

        let mut meters = SdkMeterProvider::builder()
            .with_resource(resource)
            .with_periodic_exporter(metrics.exporter(name));
        if let Some(exporter) = collector.metrics() {
            meters = meters.with_periodic_exporter(exporter);
        }
        let meters = meters.build();

        Self {
            name,
            tracer: tracers.tracer("pipeline"),
            instrumentation: instrumentation(&tracers, &meters),
            tracers,
            meters,
        }
    }
}

fn instrumentation(tracers: &SdkTracerProvider, meters: &SdkMeterProvider) -> Instrumentation {
    let names = DESTINATIONS.map(|(name, _)| name.to_owned());
    let mut builder = Instrumentation::builder()
        .with_tracer_provider(tracers)
        .with_meter_provider(meters)
        // On metrics, only names that are the same in each run.
        .with_metric_destinations(MetricDestinations::Names(names.into()));
    for (_, template) in DESTINATIONS {
        builder = builder.with_destination_template(template);
    }
    builder.build()
}
