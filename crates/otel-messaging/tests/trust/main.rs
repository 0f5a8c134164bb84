//! Whom a consumer believes, and what a producer tells.

mod baggage;
mod cells;
mod outgoing;
mod program;
mod relayed;
mod resampled;
mod rules;
mod secrets;
mod stored;
mod table;
mod warned;
