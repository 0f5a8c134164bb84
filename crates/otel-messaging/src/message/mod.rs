//! What is known of a message.

pub(crate) mod attributes;
pub(crate) mod destination;
pub(crate) mod info;
pub(crate) mod received;
pub(crate) mod remote_text;
