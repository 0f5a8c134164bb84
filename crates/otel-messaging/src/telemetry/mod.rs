//! What spans say of a message, and by whom they are made.

pub(crate) mod attributes;
pub(crate) mod remote_text;
pub mod semconv;
pub(crate) mod span_builder;
pub(crate) mod tracer;
