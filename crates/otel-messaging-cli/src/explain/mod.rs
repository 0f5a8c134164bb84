//! What is in a context's headers, by the rules of their specifications.

pub(crate) mod baggage;
pub(crate) mod breach;
pub(crate) mod foreign;
mod piece;
pub(crate) mod rule;
pub(crate) mod traceparent;
pub(crate) mod tracestate;
