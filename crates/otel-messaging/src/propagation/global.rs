//! OpenTelemetry's global propagator, as far as it is known without asking for it.

use crate::loss::boundary::Boundary;
use crate::loss::row::Step;
use crate::propagation::looks::Looks;
use crate::propagation::w3c::is_the_pair;
use opentelemetry::global;
use opentelemetry::propagation::TextMapPropagator;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::SystemTime;

/// Which one the application has set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Global {
    /// None: OpenTelemetry's own default has no fields.
    Unset,
    /// This crate's pair, which needs no look-up.
    W3c,
    /// Another one, which OpenTelemetry has behind a lock.
    Other,
}

/// What was seen last.
static KNOWN: AtomicU8 = AtomicU8::new(OTHER);

const UNSET: u8 = 0;
const W3C: u8 = 1;
const OTHER: u8 = 2;

thread_local! {
    static LOOKS: Looks = const { Looks::new() };
}

impl Global {
    /// What was seen last, if that was within a second; otherwise what it is now.
    #[inline]
    pub(crate) fn known(boundary: &Boundary) -> Self {
        LOOKS.with(|looks| {
            let now = SystemTime::now();
            if looks.are_due(now) {
                looks.look(now, || see(boundary));
            }
        });
        match KNOWN.load(Ordering::Relaxed) {
            UNSET => Self::Unset,
            W3C => Self::W3c,
            _ => Self::Other,
        }
    }
}

/// Looks at it now.
#[cold]
#[inline(never)]
pub(crate) fn see(boundary: &Boundary) {
    let which = |set: &dyn TextMapPropagator| {
        if set.fields().next().is_none() {
            UNSET
        } else if is_the_pair(set) {
            W3C
        } else {
            OTHER
        }
    };
    let seen = boundary.ask(Step::START, || global::get_text_map_propagator(which));
    // One that fails is asked each time, so that each failure is counted.
    KNOWN.store(seen.unwrap_or(OTHER), Ordering::Relaxed);
}
