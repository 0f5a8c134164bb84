//! Reading spans: OTLP's JSON, Jaeger's JSON, and what Python's console exporter writes.
//!
//! The reading is lenient, because exporters differ: ids in hex or base64, kinds as numbers or names, keys in camel or
//! snake case, objects in lines, in lists or one after the other.

mod attributes;
mod capped;
mod document;
mod id;
mod jaeger;
mod otlp;
mod scalar;
mod stream;

pub(crate) use stream::{Ending, read};
