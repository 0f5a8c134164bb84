//! The core with a client that exists for these tests alone.

mod background;
mod context_carrier;
mod contradiction;
mod envelope;
mod environment;
mod executors;
mod handling;
mod message;
mod onward;
mod panics;
mod suppression;
