//! What `tracestate` and `baggage` have in common: both are lists.

use crate::field::name::TRACESTATE;
use crate::field::{baggage_member, tracestate};

/// What is written of a list, `tracestate` or `baggage`, in at most `room` bytes.
pub(crate) fn shorten(name: &str, list: &str, room: usize) -> String {
    if name == TRACESTATE {
        tracestate::shorten(list, room)
    } else {
        baggage_member::shorten(list, room)
    }
}
