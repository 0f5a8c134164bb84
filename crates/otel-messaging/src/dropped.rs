//! What could not be propagated: counted, and said once.

use crate::carrier::CarrierError;
use std::sync::atomic::{AtomicU64, Ordering};

static DROPPED: AtomicU64 = AtomicU64::new(0);

/// How often this process had to leave propagation fields out of a message since it started,
/// because the protocol cannot represent them or the message would be too large; the messages
/// went out without them. Each field that cannot be represented counts, and a context that is left
/// out as a whole counts once; what a propagator cuts by limits of its own does not.
///
/// The first is also said once through OpenTelemetry's internal log (feature `internal-logs`).
pub fn dropped_fields() -> u64 {
    DROPPED.load(Ordering::Relaxed)
}

/// Counts, and says the first one. A subscriber of the log may itself send messages and come back
/// here, so nothing is held meanwhile.
pub(crate) fn report(error: CarrierError) {
    if DROPPED.fetch_add(1, Ordering::Relaxed) == 0 {
        // Neither the name nor the value: both may come from a remote party.
        opentelemetry::otel_warn!(
            name: "OtelMessaging.FieldDropped",
            message = "a propagation field was left out of a message; further ones are only counted",
            reason = error.to_string()
        );
    }
}
