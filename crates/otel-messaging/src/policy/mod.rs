//! Policies: what becomes of a message by what is known of it.

pub(crate) mod redelivery;
