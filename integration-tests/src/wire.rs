//! Producers that write bytes which no client library would send.
//!
//! They speak just enough of each protocol, without TLS. Only a hostile program needs them.

pub mod kafka;
pub mod nats;
pub mod rabbitmq;
