//! What inject and extract cost, counted: instructions and allocations, beside a lower bound that
//! is written by hand for each client, and beside the adapter that people write over
//! `opentelemetry_sdk`'s propagators. `benches/run` measures, `BENCHMARKS.md` has the results.

pub mod bound;
pub mod case;
pub mod client;
pub mod counted;
pub mod sample;
