//! Whether a span is wanted, and whether its sampler knows the mark of contexts whose flag does not count.

use crate::context::traced;
use crate::instrumentation::settings::Settings;
use crate::loss::count::seconds;
use crate::message::received::Client;
use crate::operation::traced_span::{self, Opened};
use crate::telemetry::globals;
use crate::telemetry::probe::PROBE;
use crate::telemetry::resampling::{self, Mark};
use crate::telemetry::tracer::Telemetry;
use opentelemetry::trace::{Span, Tracer};
use std::time::SystemTime;

/// Whether there is a provider that may listen. A given one does.
#[inline]
pub(crate) fn has_provider(by: &Telemetry) -> bool {
    by.is_given() || globals::has_tracers()
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
    // It may be the first message since a provider was set.
    globals::look(SystemTime::now());
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
