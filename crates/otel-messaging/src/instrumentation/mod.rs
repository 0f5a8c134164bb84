//! How messages are sent and handled: the settings of a program.

pub(crate) mod builder;
pub(crate) mod global;
pub(crate) mod hook;
pub(crate) mod settings;
pub(crate) mod trust;

pub use crate::loss::finding::Finding;
pub use crate::policy::baggage_attributes::BaggageAttributes;
pub use crate::policy::destination::MetricDestinations;
pub use crate::policy::relation::Relation;
pub use builder::Builder;
pub use global::SetGlobalError;
pub use hook::SpanDetails;
