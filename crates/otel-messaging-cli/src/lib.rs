#![doc = include_str!("../README.md")]

mod arguments;
mod command;
mod error;
mod examine;
mod explain;
mod headers;
mod message;
mod progress;
mod report;
mod source;
mod spans;

pub use command::main;
