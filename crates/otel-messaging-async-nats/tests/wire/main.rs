//! What goes out on the wire, as a server sees it.

#[cfg(feature = "service")]
mod answers;
mod batch;
mod max_payload;
mod metrics;
mod server;
#[cfg(feature = "service")]
mod spans;

/// `dropped_fields` counts for all tests.
static COUNTS: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
