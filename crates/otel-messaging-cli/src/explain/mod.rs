//! What is in a context's headers, by the rules of their specifications.

pub(crate) mod baggage;
pub(crate) mod breach;
pub(crate) mod explanation;
pub(crate) mod foreign;
pub(crate) mod headers;
pub(crate) mod peers;
mod piece;
pub(crate) mod reading;
pub(crate) mod rule;
mod spelling;
pub(crate) mod text;
pub(crate) mod traceparent;
pub(crate) mod tracestate;
mod vendor;
