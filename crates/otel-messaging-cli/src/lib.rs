#![doc = include_str!("../README.md")]

mod arguments;
mod command;
mod error;
mod escape;
mod examine;
mod explain;
mod finding;
mod headers;
mod input;
mod message;
mod progress;
mod report;
mod source;
mod spans;

pub use command::main;
