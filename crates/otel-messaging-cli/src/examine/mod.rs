//! Counting what messages show of their contexts.

mod baggage;
pub(crate) mod examination;
mod example;
mod fields;
mod named;
mod producer;
mod reading;
pub(crate) mod symptom;
pub(crate) mod tally;
