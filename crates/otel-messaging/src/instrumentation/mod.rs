//! How messages are sent and handled: the settings of a program.

pub(crate) mod builder;
pub(crate) mod global;
pub(crate) mod settings;

pub use crate::loss::finding::Finding;
pub use builder::Builder;
pub use global::SetGlobalError;
