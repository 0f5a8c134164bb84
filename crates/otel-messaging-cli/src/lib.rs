#![doc = include_str!("../README.md")]

mod arguments;
mod command;
mod error;
mod examine;
mod headers;
mod message;
mod progress;
mod report;
mod source;

pub use command::main;
