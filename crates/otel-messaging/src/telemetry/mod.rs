//! What spans, metrics and log events say of a message, and by whom they are made.

pub(crate) mod action;
#[cfg(feature = "logs")]
pub(crate) mod exceptions;
#[cfg(not(feature = "logs"))]
#[path = "no_exceptions.rs"]
pub(crate) mod exceptions;
pub(crate) mod globals;
pub(crate) mod instruments;
pub(crate) mod labels;
#[cfg(feature = "logs")]
pub(crate) mod logger;
pub(crate) mod meter;
mod meters;
mod names;
pub(crate) mod probe;
pub(crate) mod resampling;
pub mod semconv;
pub(crate) mod span_builder;
pub(crate) mod tracer;
pub(crate) mod tracers;
