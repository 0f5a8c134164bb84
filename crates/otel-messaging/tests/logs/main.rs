//! Logs: which trace and which span the records of a handler name.

#[path = "../core/message.rs"]
#[expect(dead_code, reason = "another test needs the rest")]
mod message;
mod mode;
mod records;
mod settled;
