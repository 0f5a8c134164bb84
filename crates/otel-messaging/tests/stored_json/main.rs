//! JSON that RFC 8259 allows, and that serde_json does not read as a value: it costs neither the
//! payload nor the rest of the context.
//!
//! A program of its own, because the counts belong to the whole process.

mod any;
mod foreign;
mod ordinary;
mod reading;
mod table;
mod wrapped;
