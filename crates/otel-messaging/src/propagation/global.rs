//! OpenTelemetry's global propagator, as far as it is known without asking for it.

use crate::loss::boundary::Boundary;
use crate::loss::catch::{Behind, is_inside};
use crate::loss::row::Step;
use crate::propagation::looks::Looks;
use crate::propagation::w3c::is_the_pair;
use opentelemetry::global;
use opentelemetry::propagation::TextMapPropagator;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

/// Whether the W3C pair did what the global propagator is to do, when somebody looked last.
static IS_W3C: AtomicBool = AtomicBool::new(false);

thread_local! {
    static LOOKS: Looks = const { Looks::new() };
}

/// Whether the W3C pair is to do it: the application has set none, or the pair. OpenTelemetry has any other one behind a
/// lock. A thread looks for its first messages, and then once a second.
#[inline]
pub(super) fn is_w3c(boundary: &Boundary) -> bool {
    LOOKS.with(|looks| {
        let now = SystemTime::now();
        if looks.are_due(now) {
            looks.look(now, || look(boundary));
        }
    });
    IS_W3C.load(Ordering::Relaxed)
}

/// Looks at it now.
#[cold]
#[inline(never)]
pub(super) fn look(boundary: &Boundary) {
    if is_inside(Behind::Propagator) {
        // A propagator that sends messages is not asked meanwhile.
        return;
    }
    // OpenTelemetry's own default has no fields.
    let is_w3c = |set: &dyn TextMapPropagator| set.fields().next().is_none() || is_the_pair(set);
    let seen = boundary.ask(Step::START, || global::get_text_map_propagator(is_w3c));
    // One that fails is asked each time, so that each failure is counted.
    IS_W3C.store(seen.unwrap_or(false), Ordering::Relaxed);
}
