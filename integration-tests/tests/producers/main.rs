//! Real producers in Python, Node, Go and Java, with their usual mistakes: what is on the wire, and what the
//! doctor says of it.

mod case;
mod go;
mod java;
mod node;
mod python;
#[path = "../doctor/report.rs"]
mod report;
mod wire;
