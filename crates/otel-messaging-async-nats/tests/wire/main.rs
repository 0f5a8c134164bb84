//! What goes out on the wire, as a server sees it.

mod max_payload;
mod server;

/// `dropped_fields` counts for all tests.
static COUNTS: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
