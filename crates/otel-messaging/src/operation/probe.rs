//! A span that is tried, to find out whether a provider makes any.

use crate::context::traced;
use crate::instrumentation::settings::Settings;
use crate::loss::boundary::SPANS;
use crate::loss::count::seconds;
use crate::loss::row::Step;
use crate::message::received::Client;
use crate::operation::traced_span::{self, Opened};
use crate::telemetry::resampling::{self, Mark};
use crate::telemetry::tracer::Telemetry;
use opentelemetry::global::BoxedTracer;
use opentelemetry::trace::{
    Span, SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState, Tracer,
};
use opentelemetry::{Context, global};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};

/// The name of the span that is tried.
pub(crate) const PROBE: &str = "otel-messaging probe";

const PROBED: SpanId = SpanId::from_bytes([7; 8]);

/// A parent whose spans OpenTelemetry's SDK makes without ids. A tracer without effect hands out the ids
/// of the parent.
pub(crate) static SUPPRESSED: LazyLock<Context> = LazyLock::new(|| {
    let parent = SpanContext::new(
        TraceId::from_bytes([7; 16]),
        PROBED,
        TraceFlags::NOT_SAMPLED,
        true,
        TraceState::NONE,
    );
    let context = Context::new().with_remote_span_context(parent);
    context.with_telemetry_suppressed()
});

static ANY_PROVIDER: AtomicBool = AtomicBool::new(false);

/// Whether there is a provider that may listen. A given one does.
///
/// OpenTelemetry cannot be asked whether its global provider is the one without effect, which is its
/// default. So a span is tried that no SDK makes, until there once was a provider.
#[inline]
pub(crate) fn has_provider(by: &Telemetry) -> bool {
    if by.is_given() || ANY_PROVIDER.load(Ordering::Relaxed) {
        return true;
    }
    find_provider()
}

/// Whether a span is wanted, where one of `tracing` was opened or not: `None` if not, and the span of
/// `tracing` if there is one.
#[inline]
pub(crate) fn wanted(opened: Opened, by: &Telemetry) -> Option<Option<traced::Span>> {
    match opened {
        Opened::Span(span) => Some(Some(span)),
        Opened::Unwanted if has_provider(by) => Some(None),
        Opened::Unwanted | Opened::Failed => None,
    }
}

#[inline(never)]
fn find_provider() -> bool {
    // The boundary reports a panic. Any tracer will do, and this is the shortest way to one.
    let found = SPANS.ask(Step::START, || makes_spans(&global::tracer(PROBE)));
    let has_effect = found.unwrap_or(false);
    if has_effect {
        ANY_PROVIDER.store(true, Ordering::Relaxed);
    }
    has_effect
}

/// Tries a span that an SDK neither samples nor exports. `false` if the provider is the one without
/// effect; `None` if it fails.
pub(crate) fn has_effect<C: Client>(by: &Telemetry) -> Option<bool> {
    by.with_tracer::<C, _>(makes_spans)
}

fn makes_spans(tracer: &BoxedTracer) -> bool {
    let span = tracer.start_with_context(PROBE, &SUPPRESSED);
    let makes_spans = !is_of_no_tracer(span.span_context());
    if span.is_recording() {
        // By a tracer that knows nothing of suppression: dropped, it would be exported.
        std::mem::forget(span);
    }
    makes_spans
}

/// Whether the sampler knows the mark of contexts whose sampled flag does not count.
pub(crate) fn has_resampler<C: Client>(by: &Settings) -> bool {
    let telemetry = &by.telemetry;
    let tried = || tries_resampler::<C>(telemetry);
    !telemetry.is_off() && telemetry.resampling().is_there(seconds, tried)
}

/// The same, tried now.
pub(crate) fn finds_resampler<C: Client>(by: &Settings) -> bool {
    let telemetry = &by.telemetry;
    telemetry
        .resampling()
        .look(|| tries_resampler::<C>(telemetry))
}

/// Tries a span that a sampler which knows the mark drops.
fn tries_resampler<C: Client>(by: &Telemetry) -> bool {
    let parent = resampling::probe();
    if by.is_given() || !traced_span::try_sampler(&parent) {
        by.with_tracer::<C, _>(|tracer| {
            let span = tracer.start_with_context(PROBE, &parent);
            if span.is_recording() {
                // By another sampler: dropped, it would be exported.
                std::mem::forget(span);
            }
        });
    }
    Mark::was_asked(&parent) == Some(true)
}

/// Whether a span that was started in [`SUPPRESSED`] comes from a tracer without effect.
pub(crate) fn is_of_no_tracer(span: &SpanContext) -> bool {
    span.span_id() == PROBED
}
