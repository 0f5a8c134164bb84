#![doc = include_str!("../README.md")]

mod arguments;
mod command;
mod error;
mod examine;
mod explain;
mod headers;
mod input;
mod message;
mod report;
mod source;

pub use command::main;
