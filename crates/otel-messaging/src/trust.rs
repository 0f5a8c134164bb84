#![doc = include_str!("../TRUST.md")]

pub use crate::policy::trust::{
    BaggageFilter, IncomingPolicy, Messages, OutgoingPolicy, UnknownPolicy,
};
