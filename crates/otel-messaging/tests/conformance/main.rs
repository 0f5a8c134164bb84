//! The conformance kit: what keeps the rules passes, and each rule can be broken.

#[cfg(unix)]
mod environment;
mod faults;
mod faulty;
mod maps;
