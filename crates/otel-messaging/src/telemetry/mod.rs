//! What spans and metrics say of a message, and by whom they are made.

pub(crate) mod action;
pub(crate) mod instruments;
pub(crate) mod labels;
pub(crate) mod meter;
pub mod semconv;
pub(crate) mod span_builder;
pub(crate) mod tracer;
