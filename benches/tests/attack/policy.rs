//! The policies, each with a name for its area, its queue and its header.

use otel_messaging::trust::IncomingPolicy;

pub(crate) const POLICIES: [IncomingPolicy; 5] = [
    IncomingPolicy::Continue,
    IncomingPolicy::ContinueAndWarn,
    IncomingPolicy::Resample,
    IncomingPolicy::RestartWithLink,
    IncomingPolicy::RestartWithoutLink,
];

/// What applies where no rule fits but the last.
pub(crate) const LAST: IncomingPolicy = IncomingPolicy::RestartWithLink;

pub(crate) fn name(policy: IncomingPolicy) -> &'static str {
    match policy {
        IncomingPolicy::Continue => "continue",
        IncomingPolicy::ContinueAndWarn => "warn",
        IncomingPolicy::Resample => "resample",
        IncomingPolicy::RestartWithLink => "restart",
        _ => "ignore",
    }
}

/// Whether the sender counts as it came.
pub(crate) fn believes(policy: IncomingPolicy) -> bool {
    matches!(
        policy,
        IncomingPolicy::Continue | IncomingPolicy::ContinueAndWarn
    )
}
