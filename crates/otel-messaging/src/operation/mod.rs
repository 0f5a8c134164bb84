//! The span of one messaging operation, from its start to its end.

pub(crate) mod batch;
pub(crate) mod begun;
mod ended;
pub(crate) mod failure;
pub(crate) mod failures;
pub(crate) mod future;
pub(crate) mod measurement;
pub(crate) mod on_error;
pub(crate) mod probe;
pub(crate) mod reading;
pub(crate) mod related;
pub(crate) mod span;
pub(crate) mod start;
pub(crate) mod waiting;

/// Spans of the `tracing` crate.
#[cfg(feature = "tracing")]
#[path = "tracing/mod.rs"]
pub(crate) mod traced_span;
#[cfg(not(feature = "tracing"))]
#[path = "no_tracing.rs"]
pub(crate) mod traced_span;
