//! The shop as a program: what it prints and exports, what it survives, and how it fails.

mod arguments;
mod edge;
mod endings;
mod exported;
mod faults;
mod lines;
mod log_lines;
mod measured;
mod program;
mod serving;
mod ten;

/// What `shop` itself reads of an export.
#[path = "../../src/together/received.rs"]
#[expect(dead_code, reason = "the program uses all of it")]
mod received;
