//! The spelling in which a context is written.

/// How the names of a context's headers are written on NATS, which tells `traceparent` and
/// `Traceparent` apart.
///
/// Reading takes any spelling.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Spelling {
    /// Once, as [`Lower`](Self::Lower) does. If a field of a context came in title case, twice, as
    /// [`Both`](Self::Both) does: its sender reads no other spelling, and neither do the programs
    /// behind it that are like it.
    ///
    /// A field came in title case if it stands so in a received message that is sent on, in the
    /// headers that the caller gives, or in the request to a service that is answered.
    ///
    /// A context that `forward` keeps stays what it was. Beside a field that came in title case alone
    /// the same value is written as the propagator spells the name, and beside `Xraceparent` alone as
    /// `traceparent`. If the message has no room for all that is missing, nothing is added, and
    /// [`dropped_fields`](crate::loss::dropped_fields) counts it.
    #[default]
    AsReceived,
    /// Once, as the propagator spells them: `traceparent`. Java, Node, Python and this crate read
    /// it. A context that `forward` keeps stays as it came.
    Lower,
    /// Twice, with equal values: as the propagator spells them, and in the canonical form of Go's
    /// HTTP headers, `Traceparent` and `X-B3-Traceid`. Go programs that read NATS headers by
    /// OpenTelemetry's HTTP carrier find no other. If `forward` keeps a context, it adds the spelling
    /// that is missing.
    ///
    /// A context then takes twice the bytes. If a relay replaces one spelling alone, some readers take
    /// the relay's context, and others the older one beside it. Both are of one trace. This crate takes
    /// the one in title case: it passes over the span of a relay that replaces only the one in lower
    /// case, as relays in Java, Node and Python do.
    ///
    /// Servers of 2.11 and 2.12 rewrite every spelling of `traceparent` to lower case in flight, so
    /// that programs that look for title case alone find none there.
    Both,
}
