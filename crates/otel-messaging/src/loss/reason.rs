//! Why a field was left out of a message, or ignored in one.

use std::fmt;

/// Why a carrier did not write a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CarrierError {
    /// The protocol has no header of this name.
    InvalidName,
    /// The protocol cannot represent the value.
    InvalidValue,
    /// The message would become larger than the broker accepts.
    TooLarge,
}

impl fmt::Display for CarrierError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            CarrierError::InvalidName => "the protocol cannot represent the header's name",
            CarrierError::InvalidValue => "the protocol cannot represent the header's value",
            CarrierError::TooLarge => "the message would become larger than the broker accepts",
        })
    }
}

impl std::error::Error for CarrierError {}

/// Why a received field was ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    Traceparent,
    Contradiction,
    Tracestate,
    Baggage,
    /// Told with the feature `serde` alone.
    #[cfg_attr(
        not(feature = "serde"),
        expect(dead_code, reason = "nothing reads stored contexts")
    )]
    Stored,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Refused::Traceparent => "the traceparent is malformed",
            Refused::Contradiction => "several contexts of one message contradict each other",
            Refused::Tracestate => "the tracestate is malformed or too large",
            Refused::Baggage => "some of the baggage is malformed or too large",
            Refused::Stored => "a stored context, or an entry of it, is not text or is too large",
        })
    }
}
