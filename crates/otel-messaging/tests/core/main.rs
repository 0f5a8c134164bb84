//! The core with a client that exists for these tests alone.

mod asked;
mod background;
mod consumer_info;
mod context_carrier;
mod contradiction;
mod counting;
mod cut_short;
mod destructor;
mod disabled;
mod envelope;
mod environment;
mod errors;
mod executors;
mod handling;
mod last_handle;
mod limited;
mod message;
mod meter;
mod metrics;
mod on_error;
mod onward;
mod panics;
mod room;
mod scope;
mod suppression;
