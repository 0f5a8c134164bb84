//! The conformance kit: what keeps the rules passes, and each rule can be broken.

mod faults;
mod faulty;
mod maps;
