//! What the application has set up of OpenTelemetry's SDK.

use opentelemetry::{Context, global};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider, Temporality};
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider, Span, SpanData, SpanProcessor};
use std::time::Duration;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setting {
    /// Neither a tracer provider nor a meter provider was set.
    NoSdk,
    /// A sampler that takes nothing.
    NotSampled,
    /// A sampler that takes all, and a processor that drops what it gets.
    Recorded,
    /// A meter provider alone, whose metrics are exported long after the run.
    Measured,
    /// The last two.
    RecordedAndMeasured,
}

/// No run takes so long.
const NEVER: Duration = Duration::from_secs(86_400);

impl Setting {
    /// Sets it up for the whole process, once.
    pub fn install(self) {
        if self.has_metrics() {
            let reader = PeriodicReader::builder(Dropping).with_interval(NEVER);
            let provider = SdkMeterProvider::builder().with_reader(reader.build());
            global::set_meter_provider(provider.build());
        }
        if let Some(provider) = self.provider() {
            global::set_tracer_provider(provider);
        }
    }

    /// The tracer provider, if there is one.
    pub fn provider(self) -> Option<SdkTracerProvider> {
        let sampler = match self {
            Self::NoSdk | Self::Measured => return None,
            Self::NotSampled => Sampler::AlwaysOff,
            Self::Recorded | Self::RecordedAndMeasured => Sampler::AlwaysOn,
        };
        let provider = SdkTracerProvider::builder()
            .with_sampler(sampler)
            .with_span_processor(Dropping);
        Some(provider.build())
    }

    fn has_metrics(self) -> bool {
        matches!(self, Self::Measured | Self::RecordedAndMeasured)
    }
}

#[derive(Debug)]
struct Dropping;

impl SpanProcessor for Dropping {
    fn on_start(&self, _span: &mut Span, _context: &Context) {}

    fn on_end(&self, _span: SpanData) {}

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        Ok(())
    }
}

impl PushMetricExporter for Dropping {
    async fn export(&self, _metrics: &ResourceMetrics) -> OTelSdkResult {
        Ok(())
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        Ok(())
    }

    fn temporality(&self) -> Temporality {
        Temporality::Cumulative
    }
}
