//! Policies: what becomes of a message by what is known of it.

pub(crate) mod baggage_attributes;
pub(crate) mod captured_headers;
pub(crate) mod credential;
pub(crate) mod destination;
pub(crate) mod first_values;
pub(crate) mod recent;
pub(crate) mod redelivery;
pub(crate) mod refused_sizes;
pub(crate) mod relation;
pub(crate) mod template;
pub(crate) mod trust;
