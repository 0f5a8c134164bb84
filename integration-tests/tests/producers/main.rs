//! Real producers in Python, Node, Go and Java, with their usual mistakes: what is on the wire.

mod case;
mod go;
mod java;
mod node;
mod python;
mod wire;
