//! Contexts: the current one, and how another one becomes current for a while.

pub(crate) mod current;
pub(crate) mod derived;
pub(crate) mod scope;

/// What `tracing` has to do with it: the spans that are entered.
#[cfg(feature = "tracing")]
#[path = "tracing/mod.rs"]
pub(crate) mod traced;
#[cfg(not(feature = "tracing"))]
#[path = "no_tracing.rs"]
pub(crate) mod traced;
