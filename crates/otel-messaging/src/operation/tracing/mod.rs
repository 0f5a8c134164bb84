//! Spans of the `tracing` crate, in programs with tracing-opentelemetry.

mod callsite;
mod span;

pub(crate) use span::{Opened, Started, check, close, discard, may_open, open, start, try_sampler};
