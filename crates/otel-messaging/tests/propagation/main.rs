//! The W3C propagators, by the rules of their specifications.

mod baggage;
mod baggage_leniency;
mod baggage_limits;
mod lines;
mod random_flag;
mod relay;
mod trace_context;
mod tracestate;
mod w3c_suite;
