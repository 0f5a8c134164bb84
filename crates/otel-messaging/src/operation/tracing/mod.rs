//! Spans of the `tracing` crate, in programs with tracing-opentelemetry.

mod callsite;
mod span;

pub(crate) use span::{Started, check, close, is_wanted, start};
