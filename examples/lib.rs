//! What more than one of the programs uses.

pub mod address;
pub mod kafka;
pub mod otlp;
pub mod pool;
pub mod runtime;
