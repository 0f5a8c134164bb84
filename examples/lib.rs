//! What more than one of the programs uses.

pub mod address;
pub mod kafka;
pub mod pool;
pub mod runtime;
