//! The fields of W3C's pair: their names, the grammar of their values, and the sets in which they come.

pub(crate) mod baggage_member;
pub(crate) mod character;
pub(crate) mod hex;
pub(crate) mod list;
pub(crate) mod name;
pub(crate) mod newest;
pub(crate) mod sets;
pub(crate) mod space;
pub(crate) mod traceparent;
pub(crate) mod tracestate;
pub(crate) mod value;
