//! What inject and extract cost, and the calls that users make of them, counted: instructions and
//! allocations, beside a lower bound that is written by hand for each client, and beside the adapter
//! that people write over `opentelemetry_sdk`'s propagators. `benches/run` measures, `BENCHMARKS.md` has the results.
#![expect(
    missing_docs,
    reason = "not published: the names and this page have to do"
)]

pub mod bound;
pub mod call;
pub mod case;
pub mod client;
pub mod counted;
pub mod report;
pub mod sample;

/// The names of the clients as gungraun has them, in the order of the table.
pub const CLIENTS: [(&str, &str); 4] = [
    ("amqp", "AMQP"),
    ("kafka", "Kafka"),
    ("nats", "NATS"),
    ("jetstream", "JetStream"),
];

/// The place of JetStream. The benchmarks only receive by it: it has the headers and the sends of NATS.
pub const JETSTREAM: usize = 3;
