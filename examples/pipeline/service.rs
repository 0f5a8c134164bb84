//! The four services: each with its own tracer provider, as if it were its own process.

use crate::otlp::{self, Failed};
use crate::trace::Recorder;
use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider};
use otel_messaging::Instrumentation;
use otel_messaging::instrumentation::Finding;
use std::time::Duration;
use tokio::time::timeout;

/// How long the export over OTLP may take at the end.
const EXPORT: Duration = Duration::from_secs(4);

pub(crate) struct Services {
    pub(crate) shop: Service,
    pub(crate) checkout: Service,
    pub(crate) billing: Service,
    pub(crate) shipping: Service,
    export: Failed,
}

impl Services {
    pub(crate) fn start(recorder: &Recorder) -> Self {
        let export = Failed::default();
        Self {
            shop: Service::start("shop", recorder, &export),
            checkout: Service::start("checkout", recorder, &export),
            billing: Service::start("billing", recorder, &export),
            shipping: Service::start("shipping", recorder, &export),
            export,
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
        // Exporting blocks: all four at once, and none for ever.
        let stopping = services.map(|service| {
            tokio::task::spawn_blocking(move || {
                let _ = service.provider.force_flush();
                let _ = service.provider.shutdown();
            })
        });
        let stopped = timeout(EXPORT, async {
            for stopping in stopping {
                let _ = stopping.await;
            }
        });
        if stopped.await.is_err() {
            self.export.tell("no answer in time");
        }
        self.export.failure().map_or(Ok(()), Err)
    }
}

pub(crate) struct Service {
    pub(crate) name: &'static str,
    pub(crate) tracer: SdkTracer,
    /// What its producers and consumers go by.
    pub(crate) instrumentation: Instrumentation,
    provider: SdkTracerProvider,
}

impl Service {
    fn start(name: &'static str, recorder: &Recorder, export: &Failed) -> Self {
        let mut builder = SdkTracerProvider::builder()
            .with_resource(Resource::builder().with_service_name(name).build())
            // Whatever the environment says: a trace that is not sampled cannot be drawn.
            .with_sampler(Sampler::AlwaysOn)
            .with_simple_exporter(recorder.exporter(name));
        if let Some(exporter) = otlp::exporter(export) {
            builder = builder.with_batch_exporter(exporter);
        }
        let provider = builder.build();
        Self {
            name,
            tracer: provider.tracer("pipeline"),
            instrumentation: Instrumentation::builder()
                .with_tracer_provider(&provider)
                .build(),
            provider,
        }
    }
}
