//! The spelling in which a context is written.

/// How the names of a context's headers are written on NATS, where `traceparent` and `Traceparent` are
/// two headers.
///
/// The crate reads every spelling.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Spelling {
    /// Once, like [`Lower`](Self::Lower); twice, like [`Both`](Self::Both), if a field of a context came
    /// in title case. The sender of such a field, and probably the programs behind it, read no other
    /// spelling.
    ///
    /// A field came in title case if it has title case in a received message that is sent on, in the
    /// headers that the caller gives, or in the request that a service answers.
    ///
    /// If `forward` keeps a context, each field that came only in title case gets the propagator's
    /// spelling beside it, and an `Xraceparent` alone gets `traceparent`. If the message has no room for
    /// all missing spellings, `forward` adds none, and [`dropped_fields`](crate::loss::dropped_fields)
    /// counts that.
    #[default]
    AsReceived,
    /// Once, as the propagator spells them: `traceparent`. Java, Node, Python and this crate read
    /// it. A context that `forward` keeps stays as it came.
    Lower,
    /// Twice, with equal values: as the propagator spells them, and in the canonical form of Go's HTTP
    /// headers, `Traceparent` and `X-B3-Traceid`. Go programs that read NATS headers with OpenTelemetry's
    /// HTTP carrier find only the latter. If `forward` keeps a context, it adds the spelling that is
    /// missing.
    ///
    /// A context then takes twice the bytes. If a relay replaces only one spelling, some readers use the
    /// relay's context, and others use the older one beside it. Both are in one trace. This crate uses
    /// the one in title case: it ignores the span of a relay that replaces only lower case, as relays in
    /// Java, Node and Python do.
    ///
    /// Servers of 2.11 and 2.12 rewrite every spelling of `traceparent` to lower case in flight. Behind
    /// these servers, programs that look only for title case find no traceparent.
    Both,
}
