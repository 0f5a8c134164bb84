//! A sampler that decides anew where a sender's flag does not count.

use crate::context::derived::with_baggage_of;
use crate::telemetry::resampling::{Mark, note_resampler};
use opentelemetry::trace::{Link, SpanKind, TraceId, TraceState};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{SamplingDecision, SamplingResult, ShouldSample};

/// Asks a sampler as for a root where [`IncomingPolicy::Resample`](crate::trust::IncomingPolicy::Resample) applies:
/// with the sender's trace id, and with a context that has the baggage and no span. All other spans are sampled as
/// without it.
///
/// ```
/// use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
/// use otel_messaging::sdk::Resampler;
///
/// let a_tenth = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(0.1)));
/// let tracers = SdkTracerProvider::builder()
///     .with_sampler(Resampler::new(a_tenth))
///     .build();
/// # let _ = tracers;
/// ```
///
/// To find out whether a provider has it, this crate starts a span of the name `otel-messaging probe` when the first
/// such message comes, and in [`self_check`](crate::self_check). If the sampler is not found, the crate tries again a
/// second later, then two seconds later, and so on, at most once an hour. This sampler drops that span, and no exporter
/// sees it. The `on_start` of a span processor sees it if another sampler records it.
#[derive(Debug, Clone)]
pub struct Resampler<S> {
    sampler: S,
}

impl<S: ShouldSample> Resampler<S> {
    /// Asks this sampler.
    pub fn new(sampler: S) -> Self {
        note_resampler();
        Self { sampler }
    }
}

impl<S: ShouldSample + Clone + 'static> ShouldSample for Resampler<S> {
    fn should_sample(
        &self,
        parent_context: Option<&Context>,
        trace_id: TraceId,
        name: &str,
        span_kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        let mark = parent_context.and_then(Mark::of);
        if mark.is_some_and(Mark::ask) {
            return SamplingResult {
                decision: SamplingDecision::Drop,
                attributes: Vec::new(),
                trace_state: TraceState::NONE,
            };
        }
        // The SDK gives every sampler a context, also for a root.
        let root = parent_context.filter(|_| mark.is_some());
        let root = root.map(|parent| with_baggage_of(&Context::new(), parent));
        let context = root.as_ref().or(parent_context);
        let sampler = &self.sampler;
        sampler.should_sample(context, trace_id, name, span_kind, attributes, links)
    }
}
