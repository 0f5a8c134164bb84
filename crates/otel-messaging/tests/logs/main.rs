//! Logs: which trace and which span the records of a handler name, and the events of failures.

#[cfg(feature = "logs")]
mod cases;
#[cfg(feature = "logs")]
mod exceptions;
#[cfg(feature = "logs")]
mod hostile;

#[path = "../core/message.rs"]
#[expect(dead_code, reason = "another test needs the rest")]
mod message;
mod mode;
mod records;
mod settled;
