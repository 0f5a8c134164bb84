//! Contexts that are stored, or sent where there are no headers.

pub(crate) mod context_carrier;
pub(crate) mod envelope;
#[cfg(feature = "serde")]
mod envelope_or_bare;
#[cfg(feature = "serde")]
mod json_text;
#[cfg(feature = "serde")]
mod read;
#[cfg(feature = "serde")]
mod read_envelope;

pub use context_carrier::{ContextCarrier, attach_context, get_context};
pub use envelope::{Envelope, Stored};
#[cfg(feature = "serde")]
pub use envelope_or_bare::EnvelopeOrBare;
