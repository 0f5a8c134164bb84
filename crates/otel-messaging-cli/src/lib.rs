#![doc = include_str!("../README.md")]

mod arguments;
mod command;
mod doctor;
mod error;
mod examine;
mod explain;
mod finding;
mod headers;
mod message;
mod progress;
mod report;
mod source;
mod spans;

pub use command::main;
