//! The core with a client that exists for these tests alone.

mod context_carrier;
mod environment;
mod handling;
mod message;
mod onward;
mod suppression;
