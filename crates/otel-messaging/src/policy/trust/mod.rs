//! The policies of trust: which senders are believed, and what messages carry.

pub(crate) mod baggage_filter;
pub(crate) mod handled;
pub(crate) mod incoming;
pub(crate) mod memory;
pub(crate) mod messages;
pub(crate) mod outgoing;
pub(crate) mod rules;
pub(crate) mod settings;
pub(crate) mod warned;

pub use baggage_filter::BaggageFilter;
pub use incoming::{IncomingPolicy, UnknownPolicy};
pub use messages::Messages;
pub use outgoing::OutgoingPolicy;
