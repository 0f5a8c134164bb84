//! What the fuzz targets share: how an input is read, what the library may cost and say, and the
//! W3C rules, written down a second time to compare with.

pub mod carried;
pub mod carrier;
pub mod contexts;
pub mod headers;
pub mod input;
pub mod json;
pub mod librdkafka;
mod log;
pub mod relay;
pub mod room;
pub mod w3c;
pub mod watch;
