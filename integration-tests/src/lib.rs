//! One set of scenarios, run over every client by the programs in `tests/`.
//!
//! [`mod@scenarios`], [`onward`], [`batching`] and [`mod@counts`] say what has to hold; the modules named
//! for the clients are the glue. [`otlp_receiver`] takes what is exported. [`private`] is for tests that
//! kill their broker, [`wire`] for hostile producers, [`python`], [`go`] and [`producers`] for
//! programs in other languages, [`version`] for what differs between versions of a server, [`outcomes`] for what became of
//! contexts. [`broker_test!`] and [`two_worker_test!`] are the attributes of the tests.

mod attribute;
pub mod batching;
pub mod client;
pub mod counts;
pub mod go;
pub mod kafka;
pub mod nats;
pub mod onward;
pub mod otlp_receiver;
pub mod outcomes;
pub mod private;
pub mod producers;
pub mod python;
pub mod rabbitmq;
pub mod relay_table;
pub mod scenarios;
mod script;
pub mod spans;
#[path = "../../crates/otel-messaging/tests/trust/cells.rs"]
mod trust_cells;
pub mod version;
pub mod wire;

pub use macro_rules_attribute::apply;

/// The examples of the README compile.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;
