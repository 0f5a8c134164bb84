//! What a message that goes out carries of its context.

/// What a message that goes out carries of its context. The message has its span in any case.
///
/// The greater of two policies is the stricter one.
///
/// `INJECT` and `SUPPRESS` are the words of OpenTelemetry's proposal 5055.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[non_exhaustive]
pub enum OutgoingPolicy {
    /// The message carries its context and the baggage.
    #[default]
    Inject,
    /// The message carries `traceparent` and `tracestate`, and no baggage. A `baggage` that is in the headers
    /// already is removed.
    TraceContextOnly,
    /// The message carries no context. If the headers already have one, it is removed: the fields of the
    /// propagator, of W3C and of other formats, such as B3, and `dead-letter-traceparent`.
    Suppress,
}
