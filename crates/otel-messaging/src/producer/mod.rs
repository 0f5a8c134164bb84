//! The producer side: the span of a message that is sent, and its context in the headers.

pub(crate) mod batch;
pub(crate) mod dead_letter;
pub(crate) mod injection;
pub(crate) mod join;
pub(crate) mod outcome;
pub(crate) mod outgoing;
pub(crate) mod relay;
pub(crate) mod room;
pub(crate) mod sender;
pub(crate) mod tally;

pub use crate::message::producer_info::ProducerInfo;
pub use dead_letter::{DEAD_LETTER_ERROR, DEAD_LETTER_SOURCE, DEAD_LETTER_TRACEPARENT};
pub use join::Join;
