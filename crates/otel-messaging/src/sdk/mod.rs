//! Parts for OpenTelemetry's SDK, behind the feature `sdk`. They are for a program's telemetry as a whole, and
//! not only for its messages.

pub(crate) mod baggage_processor;
pub(crate) mod resampler;

pub use baggage_processor::BaggageProcessor;
pub use resampler::Resampler;
