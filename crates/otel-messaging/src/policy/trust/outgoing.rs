//! What a message that goes out tells of its trace.

/// What a message that goes out tells of its trace. The message has its span in any case.
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
    /// The message carries no context. The propagator's fields and W3C's are removed if they are in the
    /// headers already. If the message is sent on, so are the fields of other formats, such as B3, and
    /// `dead-letter-traceparent`.
    Suppress,
}
