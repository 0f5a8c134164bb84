//! The W3C propagators, by the rules of their specifications.

mod baggage;
mod lines;
mod relay;
mod trace_context;
mod tracestate;
