//! Rules for contexts that come in and go out.

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
