//! What messages show of their contexts, counted.

mod baggage;
mod example;
pub(crate) mod examination;
mod producer;
mod reading;
pub(crate) mod symptom;
pub(crate) mod tally;
