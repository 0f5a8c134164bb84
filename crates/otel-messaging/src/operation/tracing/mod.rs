//! Spans of the `tracing` crate, in programs with tracing-opentelemetry.

mod callsite;
mod span;

pub(crate) use span::{Opened, Started, check, close, discard, open, start, try_sampler};
