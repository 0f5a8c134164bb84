//! The core with a client that exists for these tests alone.

mod handling;
mod message;
mod suppression;
