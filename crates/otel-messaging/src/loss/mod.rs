//! Counts of fields that could not be propagated, of links that spans have no room for, and of panics of
//! telemetry. The log reports each at most once a minute.

pub(crate) mod boundary;
pub(crate) mod catch;
pub(crate) mod count;
pub(crate) mod finding;
pub(crate) mod log;
pub(crate) mod reason;
pub(crate) mod row;
pub(crate) mod witness;

pub use count::{caught_panics, dropped_fields, dropped_links, refused_fields};
