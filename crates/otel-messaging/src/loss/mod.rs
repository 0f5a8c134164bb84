//! What could not be propagated, and panics of telemetry: counted, and written to the log at most once a
//! minute.

pub(crate) mod boundary;
pub(crate) mod catch;
pub(crate) mod count;
pub(crate) mod finding;
pub(crate) mod log;
pub(crate) mod reason;
pub(crate) mod row;

pub use count::{caught_panics, dropped_fields, refused_fields};
