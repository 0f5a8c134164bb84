//! rdkafka.

mod base_producer;
mod consumer;
mod future_producer;
mod topic;

pub(crate) use base_producer::BaseSending;
pub(crate) use consumer::Consuming;
pub(crate) use future_producer::FutureSending;

/// Of each record.
const KEY: &str = "7";
/// How many records are under way at a time.
const MOST: usize = 1000;
