//! What the application has set up of OpenTelemetry's SDK.

use opentelemetry::{Context, global};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider, Span, SpanData, SpanProcessor};
use std::time::Duration;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setting {
    /// No tracer provider was set.
    NoSdk,
    /// A sampler that takes nothing.
    NotSampled,
    /// A sampler that takes all, and a processor that drops what it gets.
    Recorded,
}

impl Setting {
    /// Sets it up for the whole process, once.
    pub fn install(self) {
        let sampler = match self {
            Self::NoSdk => return,
            Self::NotSampled => Sampler::AlwaysOff,
            Self::Recorded => Sampler::AlwaysOn,
        };
        let provider = SdkTracerProvider::builder()
            .with_sampler(sampler)
            .with_span_processor(Dropping)
            .build();
        global::set_tracer_provider(provider);
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
