//! Messages: their headers, their destination, and what else is known of them.

pub(crate) mod attributes;
pub(crate) mod destination;
pub(crate) mod endpoint;
pub(crate) mod info;
pub(crate) mod producer_info;
pub(crate) mod received;
pub(crate) mod remote_text;
