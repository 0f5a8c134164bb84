//! What spans say of a message, and by whom they are made.

pub mod semconv;
pub(crate) mod span_builder;
pub(crate) mod tracer;
