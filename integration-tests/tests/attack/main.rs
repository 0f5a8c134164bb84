//! Hostile telemetry: samplers, processors, exporters, propagators and layers of `tracing` that panic,
//! are slow, or come back to messaging. Each test does the same with the bare client and with ours, and
//! compares the results, the order and the counts.

mod again;
#[path = "../hostile/child.rs"]
mod child;
mod hostile;
mod kafka;
mod layer;
mod logger;
mod nats;
mod orders;
mod process_wide;
mod rabbitmq;
mod service;
mod texts;
mod way;
